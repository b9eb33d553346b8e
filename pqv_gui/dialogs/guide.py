"""The guide in a window of its own: contents, a search, and the text."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QTreeWidgetItemIterator,
    QWidget,
)

from pqv_core.errors import PqvError
from pqv_core.files.resource_files import docs
from pqv_gui.i18n import tr
from pqv_gui.style.theme import em
from pqv_gui.viewmodels import guide
from pqv_gui.viewmodels.guide import Document
from pqv_gui.widgets.basics import button, column, fit, label, row
from pqv_gui.widgets.markdown_view import MarkdownView

_LINK = Qt.ItemDataRole.UserRole
Place = tuple[str, str]  # a document, and an anchor in it


class GuideDialog(QDialog):
    """Stands beside the window while one works in it; never asks for anything."""

    def __init__(self, parent: QWidget, documents: Sequence[Document]) -> None:
        super().__init__(parent)
        self.setWindowFlag(Qt.WindowType.Window)
        self.setWindowTitle(tr("Guide – PQV-Mobile"))
        self._documents = documents
        self._visited: list[Place] = []
        self._here = -1
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search the guide"))
        self.search.setAccessibleName(tr("Search the guide"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._fill)
        self.search.returnPressed.connect(self._to_first)
        self.back = button("◂", lambda: self._go(-1), name=tr("Back"), tip=tr("Back (Alt+Left)"))
        self.forward = button("▸", lambda: self._go(1), name=tr("Forward"), tip=tr("Forward (Alt+Right)"))
        for turn in (self.back, self.forward):
            turn.setAutoDefault(False)  # Enter is the search's
        self.contents = QTreeWidget()
        self.contents.setHeaderHidden(True)
        self.contents.setAccessibleName(tr("Contents"))
        self.contents.itemClicked.connect(lambda item, _: self._choose(item))
        self.contents.itemActivated.connect(lambda item, _: self._choose(item))
        self.text = MarkdownView(name=tr("Chapter"), images=docs())
        self.text.anchorClicked.connect(self._follow)
        self.nothing = label(tr("No chapter has all of these words."), "muted", wrap=True)
        self._lay_out()
        for key, by in ((QKeySequence.StandardKey.Back, -1), (QKeySequence.StandardKey.Forward, 1)):
            QShortcut(QKeySequence(key), self).activated.connect(lambda by=by: self._go(by))
        QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self).activated.connect(self._find)
        self._fill()

    def _lay_out(self) -> None:
        outer = column(self, gap=0.6, margin=0.8)
        line = row(gap=0.4)
        line.addWidget(self.back)
        line.addWidget(self.forward)
        line.addWidget(self.search, 1)
        outer.addLayout(line)
        left = QWidget()
        lines = column(left, gap=0.4)
        lines.addWidget(self.nothing)
        lines.addWidget(self.contents, 1)
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.addWidget(left)
        parts.addWidget(self.text)
        parts.setStretchFactor(1, 1)
        parts.setChildrenCollapsible(False)
        parts.setSizes([em(times=15), em(times=40)])
        outer.addWidget(parts, 1)
        fit(self, 56, 40)

    # contents ------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """The chapters that have the words of the search."""
        words = self.search.text()
        self.contents.clear()
        for document, chapters in guide.with_words(self._documents, words):
            top = QTreeWidgetItem(self.contents, [document.title])
            top.setData(0, _LINK, (document.name, ""))
            for chapter in chapters:
                if chapter.anchor:
                    QTreeWidgetItem(top, [chapter.title]).setData(0, _LINK, (document.name, chapter.anchor))
            top.setExpanded(bool(words.strip()) or document.name == guide.GUIDE)
        found = self.contents.topLevelItemCount() > 0
        self.nothing.setVisible(not found)
        self.contents.setVisible(found)

    def _choose(self, item: QTreeWidgetItem) -> None:
        self.show_place(*item.data(0, _LINK))

    def _to_first(self) -> None:
        """Enter in the search: to the first chapter that it has found."""
        top = self.contents.topLevelItem(0)
        if top is not None:
            item = top.child(0) or top
            self.contents.setCurrentItem(item)
            self._choose(item)

    def _find(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    # places --------------------------------------------------------------------------------------------------

    def show_place(self, name: str, anchor: str = "") -> None:
        """Show a document from a heading or a term of a table on, or from its beginning."""
        self._visited = [*self._visited[: self._here + 1], (name, anchor)]
        self._go(1)
        self.text.setFocus(Qt.FocusReason.OtherFocusReason)

    def _go(self, by: int) -> None:
        if not 0 <= self._here + by < len(self._visited):
            return
        self._here += by
        self.back.setEnabled(self._here > 0)
        self.forward.setEnabled(self._here + 1 < len(self._visited))
        self._show(*self._visited[self._here])

    def _show(self, name: str, anchor: str) -> None:
        try:
            self.text.show_markdown(guide.read(name))
        except PqvError as error:
            self.text.show_markdown(f"{error.message}\n\n{error.action}")
        place = self.text.find_block(lambda text: guide.anchor_of(text) == anchor) if anchor else None
        if place is not None:
            self.text.scroll_to(place)
        self._mark(name, anchor)

    def _mark(self, name: str, anchor: str) -> None:
        """Select the chapter in the contents."""
        each = QTreeWidgetItemIterator(self.contents)
        while (item := each.value()) is not None:
            if item.data(0, _LINK) == (name, anchor):
                self.contents.setCurrentItem(item)
            each += 1

    def _follow(self, url: QUrl) -> None:
        if url.scheme() in ("http", "https"):
            QDesktopServices.openUrl(url)
        else:
            self.show_place(*guide.target(url.toString(), seen=self._visited[self._here][0]))
