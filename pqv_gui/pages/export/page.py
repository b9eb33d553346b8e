"""Export: the files that are written, what they must fulfil, and how they are measured."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from pqv_core.config.export import TARGETS, Target, format_problem, formats_for
from pqv_core.formats import FORMATS, suffixes
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages.shared.base_page import FormPage
from pqv_gui.widgets.basic_inputs import CheckInput, ChecksInput, TextInput
from pqv_gui.widgets.basics import Card, Disclosure, column, label
from pqv_gui.widgets.choices import Choice, ChoiceCards
from pqv_gui.widgets.folding_columns import FoldingColumns
from pqv_gui.widgets.number_inputs import IntInput, RealInput
from pqv_gui.widgets.term_mark import explain

_TARGETS = {"host": "This &computer", "android": "&Android"}


class ExportPage(FormPage):
    """The fourth step of the wizard."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            heading=tr("Export"),
            sentence=tr("Writes the files, checks them against the model and measures them."),
        )
        self.body.addWidget(self._target_card())
        self.body.addWidget(self._file_card())
        self.body.addWidget(FoldingColumns([(self._check_card(), 1), (self._measure_card(), 1)], fold_below=40))
        self.body.addStretch(1)

    def _target_card(self) -> Card:
        card = Card(tr("Target"))
        choices = [Choice(value, tr(_TARGETS[value]), tr(info.sentence)) for value, info in TARGETS.items()]
        cards = ChoiceCards(choices, name=tr("Target"), min_width=16)
        cards.changed.connect(self._choose_target)  # before the form hears of it, which then has nothing left to do
        card.body.addWidget(self.form.add("export.target", cards, text=""))
        return card

    def _file_card(self) -> Card:
        card = Card(tr("Files"))
        self.formats = ChecksInput({key: f"{info.label} ({info.suffix})" for key, info in FORMATS.items()})
        for key, info in FORMATS.items():
            self.formats.boxes[key].setToolTip(tr(info.sentence))
        card.body.addWidget(self.form.add("export.formats", self.formats, text=tr("Formats")))
        self.runtimes = label("", "caption", wrap=True)
        card.body.addWidget(self.runtimes)
        baselines = CheckInput(tr("Write and measure the &baselines too"))
        hint = tr("Without them there is nothing to compare the result with, and the run is shorter.")
        card.body.addWidget(self.form.add("export.baselines", baselines, text="", hint=hint))
        name = TextInput(placeholder=tr("Derived from model, precision and engine"), optional=True)
        card.body.addWidget(
            self.form.add(
                "export.file_name",
                name,
                text=tr("File &name"),
                hint=tr("Ends in {suffixes}; saved in the run’s folder.").format(suffixes=" or ".join(suffixes())),
            )
        )
        return card

    def _check_card(self) -> Card:
        card = Card(tr("Checks"))
        explain(card, "Parity")
        for words in (
            tr("✓  Each file loads in a new process."),
            tr("✓  Its outputs match the model’s."),
        ):
            card.body.addWidget(label(words, wrap=True))
        self.operators = label(tr("✓  The Android runtime supports its bytecode and every operator."), wrap=True)
        card.body.addWidget(self.operators)
        more = QWidget()
        layout = column(more, gap=0.6)
        for field, text in (
            ("export.fp32_tolerance", tr("Tolerance, F&P32")),
            ("export.fp16_tolerance", tr("Tolerance, FP1&6")),
            ("export.int8_tolerance", tr("Tolerance, &INT8")),
            ("export.int4_tolerance", tr("Tolerance, INT&4")),
        ):
            layout.addWidget(self.form.add(field, RealInput(1e-9, 10), text=text, beside=True))
        hint = tr("Maximum relative logit error, ‖a − b‖₂ ∕ ‖b‖₂.")
        layout.addWidget(label(hint, "caption", wrap=True))
        self.more = Disclosure(tr("Tolerances"), more)
        card.body.addWidget(self.more)
        card.body.addStretch()
        return card

    def _measure_card(self) -> Card:
        card = Card(
            tr("Measurements"),
            tr("Latency at batch 1: both FP32 baselines and the compressed file alternate, each in its own process."),
        )
        fields = (
            ("measure.threads", IntInput(1, 256, none=tr("Automatic")), tr("&Threads")),
            ("measure.warmup", IntInput(0, 10_000), tr("&Warm-up runs")),
            ("measure.iterations", IntInput(5, 1_000_000), tr("Timed r&uns")),
            ("measure.max_seconds", RealInput(0.1, 86_400, step=10, suffix=" s"), tr("Time &limit")),
        )
        for name, editor, text in fields:
            card.body.addWidget(self.form.add(name, editor, text=text, beside=True))
        card.body.addWidget(self.form.add("measure.profile", CheckInput(tr("Profile &operators too")), text=""))
        card.body.addStretch()
        return card

    def refresh(self) -> None:
        """Show the present state."""
        super().refresh()
        export, precision = self.session.config.export, self.session.config.quantize.precision
        on_phones = export.target == "android"
        self.operators.setVisible(on_phones)
        for format in FORMATS:
            problem = format_problem(format, export.target, precision=precision)
            is_ticked = format in export.formats  # the field says what is wrong with it then
            self.formats.set_available(format, tr(str(problem)) if problem and not is_ticked else "")
        infos = [FORMATS[format] for format in export.formats]
        named = ", ".join(f"{info.label} {info.default_runtime}" for info in infos if info.default_runtime)
        self.runtimes.setText(tr("Runtimes on phones: {named}.").format(named=named))
        self.runtimes.setVisible(on_phones and bool(named))

    def _choose_target(self, target: Target) -> None:
        """Set the target, with the formats that it usually gets where no others were asked for."""
        config = self.session.config
        formats = formats_for(target, before=config.export, precision=config.quantize.precision)
        self.session.set_many({"export.target": target, "export.formats": list(formats)}, label="export.target")
