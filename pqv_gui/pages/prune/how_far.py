"""How far the model is cut: by a ratio, or until it is fast or small enough."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QWidget

from pqv_core.config.prune import MAX_RATIO
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.widgets.basic_inputs import CheckInput, ComboInput
from pqv_gui.widgets.basics import column, label
from pqv_gui.widgets.form import Form
from pqv_gui.widgets.number_inputs import RatioInput, RealInput

_RATIO, _BUDGET = "ratio", "budget"
_LIMITS = ("budget.latency_ms", "budget.speedup", "budget.size_mb")
_FIRST_SPEEDUP = 1.5


class HowFar(QWidget):
    """The choice between the two, and the fields of the one that is chosen.

    Attributes:
        way: Chooses; it is no setting of its own, for a limit that is set is the choice.
    """

    def __init__(self, form: Form, workspace: Workspace) -> None:
        super().__init__()
        self._workspace, self._session = workspace, workspace.session
        body = column(self, gap=0.6)
        self.way = ComboInput({_RATIO: tr("By a ratio"), _BUDGET: tr("Until it is fast or small enough")})
        self.way.setAccessibleName(tr("How far to cut"))
        self.way.changed.connect(self._choose)
        body.addWidget(self.way)
        ratio = RatioInput(low=0.005, high=MAX_RATIO, name=tr("Pruning ratio"))
        hint = tr("Share of each width to remove.")
        self._ratio = form.add("prune.ratio", ratio, text=tr("Pruning r&atio"), hint=hint)
        body.addWidget(self._ratio)
        self._limits = QWidget()
        limits = column(self._limits, gap=0.4)
        off = tr("No limit")
        for name, editor, text in (
            ("budget.latency_ms", RealInput(0.001, 1e6, none=off, suffix=tr(" ms")), tr("Latency at most")),
            ("budget.speedup", RealInput(1.01, 1000, step=0.1, none=off, suffix=tr("×")), tr("As fast, at least")),
            ("budget.size_mb", RealInput(0.001, 1e6, none=off, suffix=tr(" MB")), tr("File size at most")),
        ):
            limits.addWidget(form.add(name, editor, text=text, beside=True))
        self.device = ComboInput({"local": tr("This computer")})
        limits.addWidget(form.add("budget.on", self.device, text=tr("Latency on"), beside=True))
        blocks = CheckInput(tr("Whole blocks may be left out"))
        limits.addWidget(form.add("budget.blocks", blocks, text=""))
        self.told = label("", "caption", wrap=True)
        limits.addWidget(self.told)
        body.addWidget(self._limits)

    def _choose(self, way: str) -> None:
        if way == _BUDGET:
            self._session.set_many({"budget.speedup": _FIRST_SPEEDUP}, label="budget.speedup")
        else:
            self._session.set_many(dict.fromkeys(_LIMITS), label="prune.ratio")

    def refresh(self) -> None:
        """Show what the settings hold."""
        budgeted = any(self._session.get(name) is not None for name in _LIMITS)
        self._show(self.way, _BUDGET if budgeted else _RATIO)
        self._ratio.setVisible(not budgeted)
        self._limits.setVisible(budgeted)
        if budgeted:
            self._offer_devices()

    def _offer_devices(self) -> None:
        on = self._session.get("budget.on")
        tables = self._workspace.tables
        config = self._session.config
        devices = {on: str(on), **tables.devices(config)}
        if [self.device.itemData(index) for index in range(self.device.count())] != list(devices):
            blocked = QSignalBlocker(self.device)
            self.device.clear()
            for value, text in devices.items():
                self.device.addItem(tr(text), value)
            del blocked
        self._show(self.device, on)
        found = next((item for item in tables.predictions(config)), None)
        sentences = [tr("What is least important goes, wherever it is, until all limits are kept.")]
        if found is None and config.cuts_embedding:
            sentences.append(
                tr(
                    "How long each part takes with three embeddings is measured first: once for this model, some "
                    "minutes."
                )
            )
        elif found is None:
            sentences.append(
                tr("How long each part takes is measured first: once for this model, about a minute or two.")
            )
        self.told.setText(" ".join(sentences))

    @staticmethod
    def _show(editor: ComboInput, value: str) -> None:
        blocked = QSignalBlocker(editor)
        editor.set_value(value)
        del blocked
