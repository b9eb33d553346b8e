"""Prune: what is cut, by how much, which tokens are merged, and the training that follows."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QWidget

from pqv_core.config.prune import MAX_RATIO
from pqv_core.criteria import CRITERIA
from pqv_core.models.predict import BlockWidths, Prediction
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages.prune.how_far import HowFar
from pqv_gui.pages.prune.tokens_card import TokensCard
from pqv_gui.pages.prune.training_card import TrainingCard
from pqv_gui.pages.shared.base_page import FormPage
from pqv_gui.viewmodels.model_catalog import KINDS, cannot_be_cut, how_attention_is_cut
from pqv_gui.viewmodels.overview import overview
from pqv_gui.viewmodels.results.bar_row import BarRow
from pqv_gui.widgets.bar_list import BarList
from pqv_gui.widgets.basic_inputs import CheckInput, ComboInput
from pqv_gui.widgets.basics import Card, column, label
from pqv_gui.widgets.choices import Choice, ChoiceCards
from pqv_gui.widgets.folding_columns import FoldingColumns
from pqv_gui.widgets.number_inputs import IntInput, RatioInput, RealInput
from pqv_gui.widgets.term_mark import explain

_MNEMONICS = {"taylor": "&Taylor", "l1": "L&1", "l2": "L&2", "hessian": "Hessia&n"}


class PrunePage(FormPage):
    """The second step of the wizard."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            heading=tr("Prune"),
            sentence=tr("Remove the least important channels and heads, then fine-tune the rest."),
        )
        self.enabled = CheckInput(tr("&Prune the model"))
        self.body.addWidget(self.form.add("prune.enabled", self.enabled, text=""))
        self.pruning = QWidget()
        parts = column(self.pruning, gap=0.8)
        parts.addWidget(self._importance_card())
        parts.addWidget(FoldingColumns([(self._amount_card(), 1), (self._widths_card(), 1)], fold_below=44))
        self.body.addWidget(self.pruning)
        self.tokens = TokensCard(self.form)
        self.body.addWidget(self.tokens)
        self.training = TrainingCard(self.form)
        self.body.addWidget(self.training)
        self.body.addStretch(1)

    def _importance_card(self) -> Card:
        card = Card(tr("Importance criterion"))
        explain(card, "Criterion")
        choices = [
            Choice(value, tr(_MNEMONICS.get(value, info.label)), tr(info.sentence)) for value, info in CRITERIA.items()
        ]
        card.body.addWidget(self.form.add("prune.importance", ChoiceCards(choices, name=tr("Importance")), text=""))
        self.calibration = QWidget()
        layout = column(self.calibration, gap=0.4)
        for name, editor, text in (
            ("prune.images", IntInput(1, 1_000_000), tr("Calibration &images")),
            ("prune.batch_size", IntInput(1, 4096), tr("Calibration batch")),
        ):
            layout.addWidget(self.form.add(name, editor, text=text, beside=True))
        card.body.addWidget(self.calibration)
        return card

    def _amount_card(self) -> Card:
        card = Card(tr("Amount and scope"))
        self.how_far = HowFar(self.form, self.workspace)
        self.writers.append(self.how_far.way)
        card.body.addWidget(self.how_far)
        card.body.addWidget(self.form.add("prune.mlp", CheckInput(tr("Cut the &MLP width")), text=""))
        card.body.addWidget(self.form.add("prune.attention", CheckInput(tr("Cut the attenti&on")), text=""))
        unit = ComboInput({"width": tr("Narrow every head"), "heads": tr("Remove whole heads")})
        card.body.addWidget(self.form.add("prune.attention_unit", unit, text=tr("Attention c&ut"), beside=True))
        card.body.addWidget(
            self.form.add(
                "prune.embedding",
                CheckInput(tr("Cut the em&bedding")),
                text="",
                hint=tr("Narrows every layer: largest savings, highest accuracy cost."),
            )
        )
        self.uncut = label("", "caption", wrap=True)
        card.body.addWidget(self.uncut)
        card.body.addWidget(
            self.form.add(
                "prune.round_to",
                IntInput(1, 64),
                text=tr("Round &widths to"),
                hint=tr("Widths that are multiples of 8 run faster on most processors."),
                beside=True,
            )
        )
        self.aligned = label("", "caption", wrap=True)
        card.body.addWidget(self.aligned)
        self._add_distribution(card)
        card.body.addStretch()
        return card

    def _add_distribution(self, card: Card) -> None:
        """How the share is spread over the layers, and in how many steps."""
        distribution = ComboInput({"uniform": tr("Same ratio for every layer"), "global": tr("Least important first")})
        self.limit = QWidget()
        limit = RatioInput(low=0.05, high=MAX_RATIO, name=tr("Maximum ratio per layer"))
        hint = tr("No layer loses more than this, or the pruning ratio if that is larger.")
        column(self.limit).addWidget(
            self.form.add("prune.max_ratio", limit, text=tr("Maximum ratio per la&yer"), hint=hint)
        )
        self.distribution = self.form.add("prune.distribution", distribution, text=tr("Di&stribution"), beside=True)
        card.body.addWidget(self.distribution)
        card.body.addWidget(self.limit)
        card.body.addWidget(
            self.form.add(
                "prune.steps",
                IntInput(1, 100),
                text=tr("Steps"),
                hint=tr("Importance is recomputed before each step."),
                beside=True,
            )
        )
        between = IntInput(0, 10_000, suffix=tr(" epochs"))
        hint = tr("After each step but the last, with the settings below; 0 to skip.")
        text = tr("Fine-tuning between steps")
        card.body.addWidget(self.form.add("prune.epochs_between", between, text=text, hint=hint, beside=True))
        sparse = IntInput(0, 10_000, suffix=tr(" epochs"))
        hint = tr("Before pruning, train with a penalty that shrinks unimportant parts towards zero; 0 to skip.")
        card.body.addWidget(
            self.form.add("prune.sparse_epochs", sparse, text=tr("Sparse training"), hint=hint, beside=True)
        )
        strength = RealInput(1e-9, 0.9999)
        card.body.addWidget(self.form.add("prune.sparse_strength", strength, text=tr("Sparsity strength"), beside=True))

    def _widths_card(self) -> Card:
        card = Card(tr("Per block, before → after"))
        self.bars = BarList(tr("Widths before and after pruning"))
        self.blocks = label("", "caption", wrap=True)
        card.body.addWidget(self.bars)
        card.body.addWidget(self.blocks)
        card.body.addStretch()
        return card

    def refresh(self) -> None:
        """Show the present state."""
        super().refresh()
        entry = self.workspace.models.get(self.session.get("model.name"))
        self.tokens.refresh(self.session, entry.architecture if entry is not None else "")
        self.training.refresh(self.session)
        draft = self.session.draft["prune"]
        self.pruning.setEnabled(bool(draft["enabled"]))
        self.calibration.setVisible(CRITERIA[draft["importance"]].needs_images)
        uncut = self._offer_what_can_be_cut()
        self._offer_units(bool(draft["attention"]) and "attention" not in uncut)
        self.how_far.refresh()
        budgeted = self.session.config.prunes_for_budget
        self.distribution.setVisible(not budgeted)
        self.limit.setVisible(draft["distribution"] == "global" and not budgeted)
        self._tell_alignment()
        self.form.field("prune.epochs_between").setVisible(draft["steps"] > 1)
        self.form.field("prune.sparse_strength").setVisible(draft["sparse_epochs"] > 0)
        seen = overview(
            self.session.config,
            models=self.workspace.models,
            images=self.workspace.images,
            tables=self.workspace.tables,
        )
        if budgeted:
            self._tell_what_a_budget_leaves()
        else:
            self._show_widths(seen.prediction, alike=draft["distribution"] == "uniform")

    def _tell_alignment(self) -> None:
        """Say where the quantization scheme, too, rounds widths."""
        scheme = self.session.config.quantize.scheme
        sentence = tr("{scheme} needs layers with a multiple of {multiple} inputs, so widths are rounded to that, too.")
        self.aligned.setText(sentence.format(scheme=scheme.label, multiple=scheme.inputs_multiple))
        self.aligned.setVisible(scheme.inputs_multiple > 1)

    def _offer_what_can_be_cut(self) -> Collection[str]:
        """Only what can be cut in the chosen model can be chosen; the kinds that cannot are given back."""
        entry = self.workspace.models.get(self.session.get("model.name"))
        uncut = entry.uncut if entry is not None else {}
        for kind in KINDS:
            asked_in_vain = kind == "embedding" and self.session.get("prune.embedding")  # must be taken back
            self.form.allow(f"prune.{kind}", kind not in uncut or asked_in_vain)
            if kind in uncut and not asked_in_vain:  # whatever the settings say, it stays whole
                editor = cast(CheckInput, self.form.editor(f"prune.{kind}"))
                blocked = QSignalBlocker(editor)
                editor.set_value(False)
                del blocked
        sentences = (cannot_be_cut(entry), how_attention_is_cut(entry)) if entry is not None else ()
        self.uncut.setText(" ".join(tr(sentence) for sentence in sentences if sentence))
        self.uncut.setVisible(bool(self.uncut.text()))
        return uncut.keys()

    def _offer_units(self, cut: bool) -> None:
        """Where attention can be cut in one way only, that is shown and cannot be changed."""
        entry = self.workspace.models.get(self.session.get("model.name"))
        units = entry.attention_units if entry is not None else ()
        self.form.allow("prune.attention_unit", cut and len(units) != 1)
        editor = cast(ComboInput, self.form.editor("prune.attention_unit"))
        blocked = QSignalBlocker(editor)
        editor.set_value(units[0] if len(units) == 1 else self.session.draft["prune"]["attention_unit"])
        del blocked

    def _tell_what_a_budget_leaves(self) -> None:
        """The widths of the newest run are known once it has cut."""
        self.bars.show_bars(())
        self.blocks.setText(
            tr("The run decides on the embedding and block by block, and shows what it has cut on the Run page.")
            if self.session.config.cuts_embedding
            else tr("The run decides block by block, and shows what it has cut on the Run page.")
        )

    def _show_widths(self, prediction: Prediction | None, *, alike: bool) -> None:
        before = prediction.widths_before if prediction else None
        after = prediction.widths_after if prediction else None
        if prediction is None or before is None or after is None:
            self.bars.show_bars(())
            self.blocks.setText(tr("This model’s widths are unknown until the run."))
            return
        self.bars.show_bars(bars(before, after))
        words = (
            tr("Predicted, the same in all {n} blocks. Heads: {before} → {after}.")
            if alike
            else tr("Predicted mean of {n} blocks; the cut per block is determined during the run.")
        )
        for key, value in (
            ("{n}", str(prediction.blocks)),
            ("{before}", f"{before.heads} × {before.head_dim}"),
            ("{after}", f"{after.heads} × {after.head_dim}"),
        ):
            words = words.replace(key, value)
        self.blocks.setText(words)


def bars(before: BlockWidths, after: BlockWidths) -> list[BarRow]:
    """The widths of a block as bars: a pale one for before, a strong one in front of it for after."""
    widths = (
        (tr("MLP"), before.hidden, after.hidden),
        (tr("Attention"), before.attention, after.attention),
        (tr("Embedding"), before.embedding, after.embedding),
    )
    return [
        BarRow(name, f"{old:,} → {new:,}" if new != old else f"{old:,}", length=new, behind=old)
        for name, old, new in widths
    ]
