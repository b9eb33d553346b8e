"""A text in Markdown, to read: in the window's colours, with links and headings that can be gone to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import QEvent
from PySide6.QtGui import (
    QBrush,
    QColor,
    QImageReader,
    QResizeEvent,
    QTextBlock,
    QTextBlockFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrame,
    QTextTable,
)
from PySide6.QtWidgets import QTextBrowser

from pqv_gui.style.theme import Colors, colors, em

_CODE = QTextFormat.Property.BlockCodeFence


class MarkdownView(QTextBrowser):
    """Shows a text; where a link leads is for others to decide (``anchorClicked``).

    Args:
        name: What a screen reader calls it.
        images: Where the images of the text lie.
    """

    _text = ""  # also while Qt, from within __init__, tells of fonts and colours

    def __init__(self, *, name: str, images: Path | None = None) -> None:
        super().__init__()
        self.setOpenLinks(False)
        self.setAccessibleName(name)
        self.document().setDocumentMargin(em(times=0.8))
        self.document().setIndentWidth(em(times=1.3))
        if images is not None:
            self.setSearchPaths([str(images)])

    def show_markdown(self, text: str) -> None:
        """Show a text from its beginning."""
        self._text = text
        self.document().setMarkdown(text, QTextDocument.MarkdownFeature.MarkdownDialectGitHub)
        shades = colors(self)
        for table in _tables(self.document().rootFrame()):
            _dress_table(table, shades)
        for block in _blocks(self.document()):
            _dress_block(block, shades)
        self._fit_images()
        self.moveCursor(QTextCursor.MoveOperation.Start)
        self.verticalScrollBar().setValue(0)

    def _fit_images(self) -> None:
        """Images are no wider than the text."""
        room = self.viewport().width() - 2 * self.document().documentMargin()
        for cursor in _images(self.document()):
            form = cursor.charFormat().toImageFormat()
            own = QImageReader(f"{self.searchPaths()[0]}/{form.name()}").size().width()
            form.setWidth(min(room, own))
            cursor.setCharFormat(form)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the images to the new width."""
        super().resizeEvent(event)
        self._fit_images()

    def find_block(self, wanted: Callable[[str], bool]) -> QTextBlock | None:
        """A heading, or else another paragraph, with a text that is wanted; None where there is none."""
        found = [block for block in _blocks(self.document()) if wanted(block.text())]
        found.sort(key=lambda block: not block.blockFormat().headingLevel())
        return found[0] if found else None

    def scroll_to(self, block: QTextBlock) -> None:
        """Bring a place to the top."""
        self.setTextCursor(QTextCursor(block))
        top = self.document().documentLayout().blockBoundingRect(block).top()
        self.verticalScrollBar().setValue(round(top))

    def changeEvent(self, event: QEvent) -> None:
        """Draw the text anew in other colours or another size."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and self._text:
            seen = self.verticalScrollBar().value()
            self.show_markdown(self._text)
            self.verticalScrollBar().setValue(seen)


def _blocks(document: QTextDocument) -> Iterator[QTextBlock]:
    block = document.begin()
    while block.isValid():
        yield block
        block = block.next()


def _images(document: QTextDocument) -> Iterator[QTextCursor]:
    """Each image, selected."""
    for block in _blocks(document):
        place = block.begin()
        while not place.atEnd():
            fragment = place.fragment()
            place += 1
            if fragment.charFormat().isImageFormat():
                cursor = QTextCursor(document)
                cursor.setPosition(fragment.position())
                cursor.setPosition(fragment.position() + fragment.length(), QTextCursor.MoveMode.KeepAnchor)
                yield cursor


def _tables(frame: QTextFrame) -> Iterator[QTextTable]:
    for child in frame.childFrames():
        if isinstance(child, QTextTable):
            yield child
        yield from _tables(child)


def _dress_table(table: QTextTable, shades: Colors) -> None:
    form = table.format()
    form.setBorder(0.5)
    form.setBorderBrush(QBrush(QColor(shades.border)))
    form.setBorderCollapse(True)
    form.setCellPadding(em(times=0.3))
    form.setTopMargin(em(times=0.4))
    form.setBottomMargin(em(times=0.6))
    table.setFormat(form)
    for column in range(table.columns()):
        cell = table.cellAt(0, column)
        head = cell.format()
        head.setBackground(QColor(shades.sunken))
        cell.setFormat(head)


def _dress_block(block: QTextBlock, shades: Colors) -> None:
    """Room above and below; headings stand nearer to what follows, and code on a ground of its own."""
    form, cursor = QTextBlockFormat(block.blockFormat()), QTextCursor(block)
    if form.hasProperty(_CODE):
        form.setBackground(QColor(shades.sunken))
        form.setLeftMargin(em(times=0.8))
    elif form.headingLevel():
        form.setTopMargin(em(times=1.1 if block.blockNumber() else 0))
        form.setBottomMargin(em(times=0.3))
    elif cursor.currentTable() is None:
        form.setTopMargin(em(times=0.12 if cursor.currentList() else 0.35))
        form.setBottomMargin(em(times=0.12 if cursor.currentList() else 0.35))
        form.setLineHeight(118, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
    cursor.setBlockFormat(form)
