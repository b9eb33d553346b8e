"""Backend: the numbers that are computed with, and the kernels that do it."""

from __future__ import annotations

from PySide6.QtGui import QShowEvent

from pqv_core.config.export import ExportConfig, engines
from pqv_core.config.quantize import ENGINES, GROUPS, OBSERVERS
from pqv_core.formats import FORMATS
from pqv_core.schemes import SCHEMES
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages.shared.base_page import FormPage
from pqv_gui.viewmodels.checks import engine_obstacle
from pqv_gui.widgets.basic_inputs import CheckInput, ComboInput
from pqv_gui.widgets.basics import Card, label
from pqv_gui.widgets.choices import Choice, ChoiceCards
from pqv_gui.widgets.list_inputs import WordsInput
from pqv_gui.widgets.number_inputs import IntInput, RealInput
from pqv_gui.widgets.term_mark import explain

_PRECISIONS = {
    "int8-dynamic": "INT8 d&ynamic",
    "int8-static": "INT8 &static",
    "fp16": "FP&16",
    "fp32": "FP&32",
    "int4": "INT&4",
}
_ENGINES = {"auto": "&Auto", "onednn": "&ONEDNN", "x86": "x8&6", "fbgemm": "F&BGEMM", "qnnpack": "&QNNPACK"}


class BackendPage(FormPage):
    """The third step of the wizard."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            heading=tr("Backend"),
            sentence=tr("Choose precision and kernels."),
        )
        precision = Card(tr("Precision"))
        explain(precision, "Precision")
        choices = [
            Choice(value, tr(_PRECISIONS.get(value, info.label)), tr(info.sentence)) for value, info in SCHEMES.items()
        ]
        self.precision = ChoiceCards(choices, name=tr("Precision"), min_width=15)
        precision.body.addWidget(self.form.add("quantize.precision", self.precision, text=""))
        self.layers = self._layers_card()
        engine = Card(tr("Engine"), tr("The kernels that run the quantized layers."))
        explain(engine, "Engine")
        choices = [
            Choice(value, tr(_ENGINES.get(value, info.label)), tr(info.sentence)) for value, info in ENGINES.items()
        ]
        self.engine = ChoiceCards(choices, name=tr("Engine"), min_width=13)
        engine.body.addWidget(self.form.add("quantize.engine", self.engine, text=""))
        self.unused = label(
            tr("Floating-point layers do not use these kernels; any choice gives the same file."), "caption", wrap=True
        )
        engine.body.addWidget(self.unused)
        self.phones = label("", "caption", wrap=True)
        engine.body.addWidget(self.phones)
        self.body.addWidget(precision)
        self.body.addWidget(self.layers)
        self.body.addWidget(engine)
        self.body.addStretch(1)

    def _layers_card(self) -> Card:
        """What quantized layers alone have: how ranges are learnt, groups of weights, and what is spared."""
        card = Card(tr("Quantized layers"))
        names: dict[str, str] = {value: tr(info.label) for value, info in OBSERVERS.items()}
        self.static = [
            self.form.add("quantize.images", IntInput(1, 100_000), text=tr("Calibration &images"), beside=True),
            self.form.add("quantize.observer", ComboInput(names), text=tr("Ra&nges"), beside=True),
        ]
        groups: dict[int, str] = {group: tr("{inputs} inputs").format(inputs=group) for group in GROUPS}
        self.group = self.form.add(
            "quantize.group",
            ComboInput(groups),
            text=tr("Group si&ze"),
            hint=tr("Inputs that share a scale. Layers that these groups do not fit get smaller ones, or 8 bits."),
            beside=True,
        )
        keep = self.form.add(
            "quantize.keep",
            WordsInput(placeholder=tr("None; for example: head, blocks.0")),
            text=tr("&Keep in floating point"),
            hint=tr("Layer or module names, separated by commas."),
        )
        self.keep_int8 = self.form.add(
            "quantize.keep_int8",
            WordsInput(placeholder=tr("None; for example: head, blocks.0")),
            text=tr("Keep in INT&8"),
        )
        look = self.form.add("quantize.sensitivity", CheckInput(tr("&Measure layer sensitivity")), text="")
        tolerance = self.form.add(
            "quantize.tolerance",
            RealInput(1e-6, 10, none=tr("Off")),
            text=tr("&Tolerance"),
            hint=tr(
                "Keeps the most sensitive layers in floating point, or with INT4 in INT8, until the logit error is at "
                "most this."
            ),
            beside=True,
        )
        for field in (*self.static, self.group, keep, self.keep_int8, look, tolerance):
            card.body.addWidget(field)
        return card

    def refresh(self) -> None:
        """Show the present state."""
        super().refresh()
        plain = not self.session.config.quantize.uses_engine
        export = self.session.config.export
        self.engine.setEnabled(self.session.config.uses_engine)
        self.unused.setVisible(plain)
        self.layers.setVisible(not plain)
        scheme = self.session.config.quantize.scheme
        for field in self.static:
            field.setVisible(scheme.calibrates)
        self.group.setVisible(scheme.has_groups)
        self.keep_int8.setVisible(scheme.fallback == "int8")
        for value in ENGINES:
            self.engine.set_available(value, engine_obstacle(value, export, self.workspace.machine))
        told = " ".join(_kernels(export, format) for format in export.formats)
        self.phones.setText(told)
        self.phones.setVisible(bool(told) and not plain)

    def showEvent(self, event: QShowEvent) -> None:
        """Qt's: the page comes to sight."""
        super().showEvent(event)
        self.workspace.look_at_machine()


def _kernels(export: ExportConfig, format: str) -> str:
    """Which kernels files of a format run on, where that is not for a person to choose."""
    label = FORMATS[format].label
    if not FORMATS[format].chooses_engine(export.target):
        return tr("{format} files always run on kernels of their own.").format(format=label)
    if export.target == "host":
        return ""
    names = " or ".join(
        ENGINES[engine].label if engine in ENGINES else engine
        for engine in engines(export.target, format=format)
        if engine != "auto"
    )
    return tr("On Android, {format} files run on {engines}.").format(format=label, engines=names)
