"""The Vision Transformers of timm (https://github.com/huggingface/pytorch-image-models)."""

from pqv_core.models.sources import SourceInfo

INFO = SourceInfo(
    key="timm",
    label="timm",
    sentence="Vision Transformers of PyTorch Image Models, most of them with published weights.",
    implementation="pqv_core.engine.models.sources.timm.source:Timm",
    catalog="pqv_core.models.catalog:load",
    # Of timm.create_model.
    reserved=frozenset(
        (
            *("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_strict", "pretrained_filter_fn"),
            *("pretrained_model_args", "model_name", "checkpoint_path", "cache_dir", "features_only", "feature_cfg"),
            *("feature_cls", "model_cls", "model_cfg", "kwargs_filter", "pruned", "device", "dtype"),
        )
    ),
    order=1,
)
