"""The form of a new study: what is varied, what is wanted, what must be kept to, and when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from pqv_core.study.figures import FIGURES
from pqv_core.study.samplers import SAMPLERS
from pqv_core.study.variables import variables
from pqv_gui.i18n import tr
from pqv_gui.pages.study.study_draft import Bound, StudyDraft, Varied, unit_of
from pqv_gui.pages.study.values_input import NumbersFromTo, WordsTicked
from pqv_gui.style.theme import em
from pqv_gui.viewmodels import display_names
from pqv_gui.widgets.basic_inputs import CheckInput, ChecksInput, ComboInput, TextInput
from pqv_gui.widgets.basics import Card, button, column, label, row
from pqv_gui.widgets.folding_columns import FoldingColumns
from pqv_gui.widgets.number_inputs import IntInput, RealInput

_MOST_TRIALS = 100_000
_MOST_HOURS = 10_000.0


class _Row(QWidget):
    """What is entered beside a way to take it out, and below it what is wrong."""

    def __init__(self, parts: Sequence[QWidget], *, remove: QWidget) -> None:
        super().__init__()
        lines = column(self, gap=0.2)
        head = QWidget()
        line = row(head, gap=0.6)
        for part in parts[:-1]:
            line.addWidget(part)
        line.addWidget(remove)
        line.addStretch()
        lines.addWidget(FoldingColumns([(head, 0), (parts[-1], 1)], fold_below=40, gap=0.4))
        self.problem = label("", "problem", wrap=True)
        self.problem.hide()
        lines.addWidget(self.problem)

    def say(self, problem: str) -> None:
        """Say what is wrong; an empty text for nothing."""
        self.problem.setText(tr(problem))
        self.problem.setVisible(bool(problem))


class _Rows(QWidget):
    """Rows that are made anew where others are shown."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: QVBoxLayout = column(self, gap=0.45)
        self.rows: list[_Row] = []

    def fill(self, rows: Sequence[_Row]) -> None:
        """Show other rows."""
        for old in self.rows:
            self._lines.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.rows = list(rows)
        for new in rows:
            self._lines.addWidget(new)


class StudyForm(Card):
    """Edits a draft."""

    wanted = Signal()
    put_away = Signal()

    def __init__(self, draft: StudyDraft) -> None:
        super().__init__(tr("New study"), tr("Each trial is a run with other settings, without baselines."))
        self._draft = draft
        self._shown: tuple[object, ...] = ()
        self._problems: dict[str, QLabel] = {}
        self.body.addWidget(self._varied_part())
        self.body.addWidget(FoldingColumns([(self._wanted_part(), 1), (self._kept_part(), 1)], fold_below=44))
        self.body.addWidget(self._end_part())
        self.body.addLayout(self._foot())
        draft.subscribe(self.refresh)

    # building ------------------------------------------------------------------------------------------------

    def _varied_part(self) -> QWidget:
        part = QWidget()
        lines = column(part, gap=0.4)
        lines.addWidget(label(tr("What varies"), "strong"))
        self.varied = _Rows()
        lines.addWidget(self.varied)
        self.no_setting = label("", "problem", wrap=True)
        lines.addWidget(self.no_setting)
        self.add_setting = button(tr("Vary &another setting"), lambda: self._draft.vary(), kind="link")
        line = row(gap=0.6)
        line.addWidget(self.add_setting)
        line.addStretch()
        self.count = label("", "muted")
        line.addWidget(self.count)
        lines.addLayout(line)
        return part

    def _wanted_part(self) -> QWidget:
        part = QWidget()
        lines = column(part, gap=0.4)
        lines.addWidget(label(tr("What is wanted"), "strong"))
        words = {key: f"{figure.label} {'↑' if figure.greater else '↓'}" for key, figure in FIGURES.items()}
        self.objectives = ChecksInput(words)
        self.objectives.setAccessibleName(tr("Objectives"))
        for key, box in self.objectives.boxes.items():
            way = tr("as much as can be") if FIGURES[key].greater else tr("as little as can be")
            box.setAccessibleName(f"{FIGURES[key].label}, {way}")
        self.objectives.changed.connect(lambda keys: self._draft.set("objectives", keys))
        lines.addWidget(self.objectives)
        self.no_objective = label("", "problem", wrap=True)
        lines.addWidget(self.no_objective)
        lines.addStretch()
        return part

    def _kept_part(self) -> QWidget:
        part = QWidget()
        lines = column(part, gap=0.4)
        lines.addWidget(label(tr("What must be kept to"), "strong"))
        self.bounds = _Rows()
        lines.addWidget(self.bounds)
        self.add_bound = button(tr("Add a &bound"), self._draft.bind, kind="link")
        line = row(gap=0.6)
        line.addWidget(self.add_bound)
        line.addStretch()
        lines.addLayout(line)
        lines.addStretch()
        return part

    def _end_part(self) -> QWidget:
        self.name = TextInput()
        self.name.changed.connect(lambda text: self._draft.set("name", text or ""))
        self.sampler = ComboInput({key: info.label for key, info in SAMPLERS.items()})
        self.sampler.changed.connect(lambda key: self._draft.set("sampler", key))
        self.sentence = label("", "caption", wrap=True)
        self.trials = IntInput(1, _MOST_TRIALS, none=tr("no limit"))
        self.trials.changed.connect(lambda count: self._draft.set("trials", count))
        self.hours = RealInput(0.01, _MOST_HOURS, none=tr("no limit"))
        self.hours.changed.connect(lambda hours: self._draft.set("hours", hours))
        self.early = CheckInput(tr("Stop hopeless trials early"))
        self.early.setToolTip(tr("While they are fine-tuned, where accuracy decides"))
        self.early.changed.connect(lambda wanted: self._draft.set("early_stop", wanted))
        left, right = QWidget(), QWidget()
        sides = column(left, gap=0.35), column(right, gap=0.35)
        fields = (
            (0, "name", tr("Name"), self.name),
            (0, "sampler", tr("How trials are chosen"), self.sampler),
            (1, "trials", tr("Trials at most"), self.trials),
            (1, "hours", tr("Hours of work at most"), self.hours),
        )
        for side, key, words, editor in fields:
            editor.setAccessibleName(words)
            sides[side].addWidget(label(words))
            sides[side].addWidget(editor)
            self._problems[key] = label("", "problem", wrap=True)
            self._problems[key].hide()
            sides[side].addWidget(self._problems[key])
        sides[0].addWidget(self.sentence)
        sides[1].addWidget(self.early)
        for lines in sides:
            lines.addStretch()
        return FoldingColumns([(left, 1), (right, 1)], fold_below=44)

    def _foot(self) -> QHBoxLayout:
        line = row(gap=0.6)
        self.why_not = label("", "caption", wrap=True)
        self.make = button(tr("&Create study"), self.wanted.emit, kind="primary")
        self.leave = button(tr("Cancel"), self.put_away.emit, name=tr("Put the form away"))
        line.addWidget(self.why_not, 1)
        line.addWidget(self.leave)
        line.addWidget(self.make)
        return line

    # what is shown -------------------------------------------------------------------------------------------

    def set_writable(self, writable: bool) -> None:
        """Enable the form, or show it only."""
        self.setEnabled(writable)

    def refresh(self) -> None:
        """Show what the draft holds."""
        draft = self._draft
        shape = tuple(item.name for item in draft.varied), tuple(bound.figure for bound in draft.bounds)
        if shape != self._shown:
            self._shown = shape
            self.varied.fill([self._varied_row(index, item) for index, item in enumerate(draft.varied)])
            self.bounds.fill([self._bound_row(index, bound) for index, bound in enumerate(draft.bounds)])
        self.objectives.set_value(draft.objectives)
        for key in FIGURES:
            self.objectives.set_available(key, tr(draft.why_not(key)) if key not in draft.objectives else "")
        self.name.set_value(draft.name)
        self.sampler.set_value(draft.sampler)
        self.sentence.setText(tr(SAMPLERS[draft.sampler].sentence))
        for editor, value in ((self.trials, draft.trials), (self.hours, draft.hours)):
            if editor.get() != value:
                editor.set_value(value)  # type: ignore[arg-type]
        self.early.set_value(draft.early_stop)
        self.add_setting.setVisible(bool(draft.unused()))
        self._show_problems()

    def _show_problems(self) -> None:
        draft, problems = self._draft, self._draft.problems
        for index, line in enumerate(self.varied.rows):
            line.say(problems.get(f"varied/{index}", ""))
        for index, line in enumerate(self.bounds.rows):
            line.say(problems.get(f"bounds/{index}", ""))
        more = {"varied": self.no_setting, "objectives": self.no_objective}
        for key, shown in (*self._problems.items(), *more.items()):
            shown.setText(tr(problems.get(key, "")))
            shown.setVisible(key in problems)
        size = draft.combinations
        self.count.setText(tr("{count} combinations").replace("{count}", f"{size:,}") if size else "")
        self.make.setEnabled(not problems)
        self.why_not.setText(tr(next(iter(problems.values()))) if problems else "")

    def _varied_row(self, index: int, item: Varied) -> _Row:
        draft, name = self._draft, display_names.setting(item.name)
        setting = ComboInput({key: tr(display_names.setting(key)) for key in draft.unused(item.name)})
        setting.setAccessibleName(tr("Setting to vary"))
        setting.setFixedWidth(em(times=11))
        setting.set_value(item.name)
        setting.changed.connect(lambda key: draft.change(index, name=key))
        options = variables()[item.name].options
        values = WordsTicked(options, name=tr(name)) if options else NumbersFromTo(name=tr(name))
        values.set_value(item.values)
        values.changed.connect(lambda text: draft.change(index, values=text))
        remove = button(tr("Remove"), lambda: draft.keep(index), kind="link", name=f"{tr('Do not vary')}: {tr(name)}")
        return _Row((setting, values), remove=remove)

    def _bound_row(self, index: int, bound: Bound) -> _Row:
        draft, name = self._draft, FIGURES[bound.figure].label

        def change(**values: object) -> None:
            draft.change_bound(index, replace(draft.bounds[index], **values))  # type: ignore[arg-type]

        figure = ComboInput({key: tr(each.label) for key, each in FIGURES.items() if not draft.why_not(key)})
        figure.setAccessibleName(tr("Figure that is bounded"))
        figure.set_value(bound.figure)
        figure.changed.connect(lambda key: change(figure=key))
        side = ComboInput({"<=": "≤", ">=": "≥"})
        side.setAccessibleName(f"{name}, {tr('at most or at least')}")
        side.set_value("<=" if bound.at_most else ">=")
        side.changed.connect(lambda sign: change(at_most=sign == "<="))
        value = RealInput(-1e9, 1e9, suffix=f" {unit_of(bound.figure)}")
        value.setAccessibleName(f"{name}, {tr('bound')}")
        value.set_value(bound.value)
        value.changed.connect(lambda number: change(value=number))
        remove = button(tr("Remove"), lambda: draft.free(index), kind="link", name=f"{tr('Do not bound')}: {tr(name)}")
        return _Row((figure, side, value), remove=remove)
