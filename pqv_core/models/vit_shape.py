"""The sizes of a plain Vision Transformer (Dosovitskiy et al. 2021), and what they cost.

Pure arithmetic: from the widths alone follow the parameters and the multiply-accumulates, before and after pruning,
without building a network.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pqv_core.models.block_tokens import BlockTokens, entering


@dataclass(frozen=True, slots=True)
class Cost:
    """What a network costs.

    Attributes:
        params: Parameters.
        linear_weights: Those among them that are weights of linear layers (a patch projection is one), which
            quantization packs.
        linear_outputs: Output channels of all linear layers.
        linears: Number of linear layers.
        macs: Multiply-accumulates of one image: linear layers, convolutions and the two products of attention.
        conv_weights: Weights of convolutions that are no patch projection.
        by_inputs: ``linear_weights`` of the layers of each number of inputs, as pairs; empty where it is not known.
    """

    params: int
    linear_weights: int
    linear_outputs: int
    linears: int
    macs: int
    conv_weights: int = 0
    by_inputs: tuple[tuple[int, int], ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class VitShape:
    """A plain ViT: patches → ``depth`` × (attention, MLP) → pooling → classifier.

    Attributes:
        image: Height and width of the input in pixels.
        patch: Height and width of a patch in pixels.
        patch_inputs: Values that the patch projection reads for each patch (channels × its kernel).
        embed: Width of the tokens.
        depth: Number of blocks.
        heads: Attention heads of a block.
        head_dim: Width of a head.
        hidden: Width between the two layers of an MLP.
        gates: Times ``hidden`` that the first layer of an MLP gives (2 for SwiGLU).
        packed_gates: The MLP ratio counts both gates, because one layer gives them.
        parallel: Attentions and MLPs that stand beside each other in a block.
        prefix: Class, distillation and register tokens.
        position: Whether there is a learned position embedding.
        position_prefix: Prefix tokens that have a position, too.
        classes: Outputs of the classifier; 0 for none.
        classifiers: Classifiers (2 for distilled DeiT).
        norm_affine: Vectors of a norm (2 for LayerNorm, 1 for RMSNorm, 0 without weights).
        outer_norms: Norms outside the blocks.
        patch_bias: The patch projection has a bias.
        patch_is_linear: It is written as a linear layer when quantized.
        qkv_bias: Query, key and value have biases.
        out_bias: The other linear layers of a block have biases.
        qk_norm: Queries and keys are normalised.
        attention_norm: The heads' output is normalised.
        hidden_norm: The MLP's hidden values are normalised.
        layer_scale: Each residual branch is scaled by a vector.
        pool_hidden: Hidden width of the MLP in attention pooling; 0 without attention pooling.
        stem_params: Parameters of a convolutional stem before the patch projection.
        stem_macs: Its multiply-accumulates for ``image``.
        merged: Tokens that each block merges away; empty where all are kept.
    """

    image: tuple[int, int]
    patch: tuple[int, int]
    patch_inputs: int
    embed: int
    depth: int
    heads: int
    head_dim: int
    hidden: int
    gates: int = 1
    packed_gates: bool = False
    parallel: int = 1
    prefix: int = 1
    position: bool = True
    position_prefix: int = 1
    classes: int = 1000
    classifiers: int = 1
    norm_affine: int = 2
    outer_norms: int = 1
    patch_bias: bool = True
    patch_is_linear: bool = True
    qkv_bias: bool = True
    out_bias: bool = True
    qk_norm: bool = False
    attention_norm: bool = False
    hidden_norm: bool = False
    layer_scale: bool = False
    pool_hidden: int = 0
    stem_params: int = 0
    stem_macs: int = 0
    merged: tuple[int, ...] = ()

    @property
    def patches(self) -> int:
        """Patches of an image."""
        return (self.image[0] // self.patch[0]) * (self.image[1] // self.patch[1])

    @property
    def tokens(self) -> int:
        """Length of the sequence."""
        return self.patches + self.prefix

    @property
    def reads_all(self) -> bool:
        """Whether what comes behind the blocks pools over all tokens."""
        return self.prefix == 0 or self.pool_hidden > 0

    @property
    def attention(self) -> int:
        """Width of all heads of a block."""
        return self.heads * self.head_dim

    def cost(self) -> Cost:
        """Parameters and multiply-accumulates, exact for timm's ``VisionTransformer``."""
        blocks = self.depth * self.parallel
        matrices = blocks * self._block_weights() + self._head_weights() + self._pool_weights()
        patches = self.patch_inputs * self.embed * self.patch_is_linear
        return Cost(
            params=matrices + blocks * self._block_vectors() + self._outer_params() + self._pool_vectors(),
            linear_weights=matrices + patches,
            linear_outputs=self._linear_outputs(),
            linears=self._linears(),
            macs=self._macs(),
            conv_weights=self.stem_params,
            by_inputs=tuple(self._by_inputs().items()),
        )

    def _by_inputs(self) -> Counter[int]:
        blocks = self.depth * self.parallel
        found = Counter({self.embed: blocks * self.embed * (3 * self.attention + self.gates * self.hidden)})
        found[self.attention] += blocks * self.attention * self.embed
        found[self.hidden] += blocks * self.hidden * self.embed
        found[self.embed] += self._head_weights()
        if self.patch_is_linear:
            found[self.patch_inputs] += self.patch_inputs * self.embed
        if self.pool_hidden:
            found[self.embed] += 4 * self.embed**2 + self.embed * self.pool_hidden
            found[self.pool_hidden] += self.pool_hidden * self.embed
        return found

    def _linears(self) -> int:
        block = 4 if self.packed_gates else 3 + self.gates
        around = self.patch_is_linear + self.classifiers * (self.classes > 0) + 5 * (self.pool_hidden > 0)
        return self.depth * self.parallel * block + around

    def _linear_outputs(self) -> int:
        block = 3 * self.attention + 2 * self.embed + self.gates * self.hidden
        pool = 5 * self.embed + self.pool_hidden if self.pool_hidden else 0
        patches = self.embed * self.patch_is_linear
        return self.depth * self.parallel * block + self.classifiers * self.classes + pool + patches

    def _block_weights(self) -> int:
        return self.embed * (4 * self.attention + (self.gates + 1) * self.hidden)

    def _block_vectors(self) -> int:
        """Biases, norms and scales of one attention and its MLP."""
        biases = 3 * self.attention * self.qkv_bias + (2 * self.embed + self.gates * self.hidden) * self.out_bias
        normed = 2 * self.embed + 2 * self.head_dim * self.qk_norm
        normed += self.attention * self.attention_norm + self.hidden * self.hidden_norm
        return biases + normed * self.norm_affine + 2 * self.embed * self.layer_scale

    def _head_weights(self) -> int:
        return self.classifiers * self.embed * self.classes

    def _outer_params(self) -> int:
        """Stem, patch projection, prefix tokens, positions, norms outside the blocks, the classifier's bias."""
        positions = (self.patches + self.position_prefix) * self.position
        rows = self.patch_inputs + self.patch_bias + self.prefix + positions + self.outer_norms * self.norm_affine
        return self.stem_params + rows * self.embed + self.classifiers * self.classes

    def _pool_weights(self) -> int:
        return 4 * self.embed**2 + 2 * self.embed * self.pool_hidden if self.pool_hidden else 0

    def _pool_vectors(self) -> int:
        """The latent query, biases and norm of attention pooling."""
        return (6 + self.norm_affine) * self.embed + self.pool_hidden if self.pool_hidden else 0

    def _macs(self) -> int:
        patches = self.patches * self.patch_inputs * self.embed
        seen = entering(self.merged or (0,) * self.depth, tokens=self.tokens)
        blocks = self.parallel * sum(self._block_macs(tokens) for tokens in seen)
        return self.stem_macs + patches + blocks + self._merging_macs(seen) + self._head_weights() + self._pool_macs()

    def _block_macs(self, tokens: BlockTokens) -> int:
        attention = 4 * self.embed * self.attention * tokens.attention + 2 * tokens.attention**2 * self.attention
        return attention + self.embed * (self.gates + 1) * self.hidden * tokens.mlp

    def _merging_macs(self, seen: tuple[BlockTokens, ...]) -> int:
        """Comparing keys; and giving back all tokens to what pools over them, which models without a class token do."""
        patches = [tokens.attention - self.prefix for tokens in seen if tokens.mlp < tokens.attention]
        comparing = sum((count + 1) // 2 * (count // 2) * self.head_dim for count in patches)
        return comparing + (self.tokens * seen[-1].mlp * self.embed if self.merged and self.reads_all else 0)

    def _pool_macs(self) -> int:
        if not self.pool_hidden:
            return 0
        keys_and_values = 2 * self.tokens * self.embed**2
        return keys_and_values + 2 * self.tokens * self.embed + 2 * self.embed**2 + 2 * self.embed * self.pool_hidden
