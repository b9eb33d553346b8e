"""What the selected run lost: accuracy by class, the confusion matrix, and the images whose answer changed."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QProgressBar, QWidget

from pqv_core.comparison.confusion import SHOWN
from pqv_core.data.images import shown as shown_path
from pqv_core.results import answers
from pqv_core.results.losses import KINDS
from pqv_gui.charts.matrix_chart import MatrixChartView
from pqv_gui.i18n import tr
from pqv_gui.pages.compare.changed_images import ChangedImages
from pqv_gui.pages.compare.lost_classes import LostClasses
from pqv_gui.pages.compare.lost_view import LostView
from pqv_gui.services.pictures import Pictures
from pqv_gui.widgets.basic_inputs import ComboInput
from pqv_gui.widgets.basics import Card, ElidedLabel, button, column, label, row
from pqv_gui.widgets.folding_columns import FoldingColumns


class LostCard(Card):
    """The card of the Compare page."""

    compared = Signal(str, str)  # keys of two models or files
    again = Signal()

    def __init__(self, view: LostView, pictures: Pictures) -> None:
        super().__init__(tr("What was lost"))
        self.view = view
        self.sentence = label("", "muted", wrap=True)
        self.body.addWidget(self.sentence)
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setAccessibleName(tr("Loading answers"))
        self.body.addWidget(self.busy)
        self.retry = button(tr("Try again"), self.again.emit, name=tr("Read the answers again"))
        self.body.addWidget(self.retry, 0, Qt.AlignmentFlag.AlignLeft)
        self.full = QWidget()
        parts = column(self.full, gap=0.8)
        parts.addWidget(self._pair_line())
        parts.addWidget(FoldingColumns([(self._classes(), 7), (self._matrix(), 6)], fold_below=50))
        parts.addWidget(self._images(pictures))
        self.body.addWidget(self.full)

    def _pair_line(self) -> FoldingColumns:
        self.before, self.after = ComboInput({}), ComboInput({})
        made = []
        for words, combo in ((tr("Before"), self.before), (tr("After"), self.after)):
            part = QWidget()
            line = row(part, gap=0.5)
            line.addWidget(label(words, "muted"))
            line.addWidget(combo, 1)
            combo.setAccessibleName(words)
            combo.changed.connect(lambda _: self._tell())
            made.append((part, 1))
        return FoldingColumns(made, fold_below=40, gap=0.6)

    def _classes(self) -> QWidget:
        part = QWidget()
        lines = column(part)
        self.classes = LostClasses(self.view)
        lines.addWidget(self.classes)
        lines.addStretch()
        return part

    def _matrix(self) -> QWidget:
        self.matrix = MatrixChartView(csv=self.view.as_csv)
        self.which = ComboInput({str(key): tr(words) for key, words in SHOWN.items()})
        self.which.setAccessibleName(tr("Which confusion matrix"))
        self.which.changed.connect(self.view.choose_matrix)
        self.matrix.header.insertWidget(1, self.which)
        self.matrix.picked.connect(self.view.choose_class)
        return self.matrix

    def _images(self, pictures: Pictures) -> QWidget:
        part = QWidget()
        lines = column(part, gap=0.3)
        lines.addWidget(label(tr("Images whose answer changed"), "strong"))
        line = row(gap=0.6)
        self.kind = ComboInput({})
        self.kind.setAccessibleName(tr("How the answer changed"))
        self.kind.setSizeAdjustPolicy(ComboInput.SizeAdjustPolicy.AdjustToContents)
        self.kind.changed.connect(self.view.choose_kind)
        line.addWidget(self.kind)
        self.of_class = ElidedLabel("", "muted")
        line.addWidget(self.of_class, 1)
        self.all_classes = button(tr("All classes"), lambda: self.view.choose_class(None), kind="link")
        line.addWidget(self.all_classes)
        lines.addLayout(line)
        self.gone = label("", "problem", wrap=True)
        lines.addWidget(self.gone)
        self.images = ChangedImages(self.view, pictures)
        lines.addWidget(self.images)
        self.no_images = label("", "muted", wrap=True)
        lines.addWidget(self.no_images)
        return part

    def refresh(self) -> None:
        """Show the present state."""
        view = self.view
        self.busy.setVisible(view.state == "filling")
        self.retry.setVisible(view.state == "failed")
        self.sentence.setText(self._said())
        self.full.setVisible(view.read is not None)
        if view.state == "full":
            self._show_full()

    def _said(self) -> str:
        view = self.view
        if view.state == "failed" and view.error is not None:
            return f"{tr(view.error.message)} {tr(view.error.action)}"
        if view.state == "filling":
            return tr("Loading the answers …")
        return tr(view.read.found.sentence) if view.read is not None else tr(answers.WHY_NONE)

    def _show_full(self) -> None:
        view, read = self.view, self.view.read
        assert read is not None
        known = {each.key: tr(each.label) for each in read.found.run.judged}
        self.before.offer(known, read.found.before.key)
        self.after.offer(known, read.found.after.key)
        self.classes.refresh()
        self.which.set_value(view.matrix)
        if view.chart is not None:
            self.matrix.show_chart(view.chart)
        self.matrix.plot.choose(view.label)
        self._show_images()

    def _show_images(self) -> None:
        view, counts = self.view, self.view.counts
        every = {"": f"{tr('All')} ({sum(counts.values()):,})"}
        kinds = {kind: f"{tr(words)} ({counts[kind]:,})" for kind, words in KINDS.items()}
        self.kind.offer(every | kinds, view.kind)
        self.of_class.set_text(tr("of the class {name}").replace("{name}", view.class_name) if view.class_name else "")
        self.all_classes.setVisible(view.label is not None)
        self.gone.setText(self._why_gone())
        self.gone.setVisible(bool(self.gone.text()))
        self.images.refresh()
        self.images.setVisible(bool(view.images))
        self.no_images.setText(tr("No answer changed in this way.") if not view.images else "")
        self.no_images.setVisible(not view.images)

    def _why_gone(self) -> str:
        """Why no pictures can be shown; empty where they can."""
        read = self.view.read
        if read is None or read.there or not self.view.images:
            return ""
        where = shown_path(read.folder) if read.folder is not None else ""
        words = tr("The images are no longer in {folder}. Move them back to see them; the figures are not affected.")
        return "⚠ " + words.replace("{folder}", where)

    def _tell(self) -> None:
        """Compare what was chosen; the same twice is no comparison, so the two change places."""
        read = self.view.read
        if read is None:
            return
        before, after = self.before.get(), self.after.get()
        if before == after:
            before, after = read.found.after.key, read.found.before.key
        self.compared.emit(before, after)
