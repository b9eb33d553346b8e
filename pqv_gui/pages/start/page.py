"""Start: the demo, a new project, recent projects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QListView, QMenu

from pqv_core.config import RunConfig
from pqv_core.errors import PqvError
from pqv_core.project.project_file import resolved_path
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages.shared.base_page import Page
from pqv_gui.style.theme import em
from pqv_gui.viewmodels import apply_preset
from pqv_gui.viewmodels.project_session import free_name
from pqv_gui.widgets.basic_inputs import TextInput
from pqv_gui.widgets.basics import Card, button, label, row
from pqv_gui.widgets.folding_columns import FoldingColumns
from pqv_gui.widgets.path_input import PathInput
from pqv_gui.widgets.preset_menu import PresetCard
from pqv_gui.widgets.two_line_delegate import TwoLineDelegate

Index = QModelIndex | QPersistentModelIndex


class _RecentModel(QAbstractListModel):
    def __init__(self, parent: QListView) -> None:
        super().__init__(parent)
        self._paths: Sequence[Path] = ()

    def show_paths(self, paths: Sequence[Path]) -> None:
        self.beginResetModel()
        self._paths = list(paths)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._paths)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        path = self._paths[index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return path
        if role == Qt.ItemDataRole.DisplayRole:
            return path.stem
        if role == TwoLineDelegate.DETAIL:
            return str(path.parent)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return str(path)
        return None


class RecentList(QListView):
    """Projects that were opened lately; Enter or a click opens, Delete takes out of the list."""

    opened = Signal(object)  # Path
    forgotten = Signal(object)  # Path

    def __init__(self) -> None:
        super().__init__()
        self._paths = _RecentModel(self)
        self.setModel(self._paths)
        self.setItemDelegate(TwoLineDelegate(self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(tr("Recent projects"))
        self.setMinimumHeight(em(times=16))
        self.clicked.connect(self._open)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)

    def show_paths(self, paths: Sequence[Path]) -> None:
        """Show other projects."""
        self._paths.show_paths(paths)
        self.setCurrentIndex(self._paths.index(0, 0))

    def _open(self, index: QModelIndex) -> None:
        if index.isValid():
            self.opened.emit(index.data(Qt.ItemDataRole.UserRole))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, Delete forgets."""
        current = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(current)
        elif event.key() == Qt.Key.Key_Delete and current.isValid():
            self.forgotten.emit(current.data(Qt.ItemDataRole.UserRole))
        else:
            super().keyPressEvent(event)

    def _menu(self, where: QPoint) -> None:
        index = self.indexAt(where)
        if index.isValid():
            path = index.data(Qt.ItemDataRole.UserRole)
            menu = QMenu(self)
            forget = QAction(tr("Remove from list"), menu)
            forget.triggered.connect(lambda: self.forgotten.emit(path))
            menu.addAction(forget)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.viewport().mapToGlobal(where))


class StartPage(Page):
    """Where a person arrives without a project."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            heading=tr("Make Vision Transformers small and fast"),
            sentence=tr("Prune, quantize, export to PyTorch Lite or ExecuTorch, and measure the trade-offs."),
        )
        left, right = self._new_card(), self._recent_card()
        self.body.addWidget(self._demo_card())
        self.presets = PresetCard(lambda name: self._create(apply_preset.new_config(name)))
        self.body.addWidget(FoldingColumns([(left, 1), (right, 1)], fold_below=40))
        self.body.addWidget(self.presets)
        self.body.addStretch(1)
        workspace.recents.subscribe(self._show_recents)

    def _demo_card(self) -> Card:
        card = Card(tr("New here?"))
        line = row(gap=1.0)
        words = tr(
            "The demo compresses a small model for handwritten digits. "
            "It needs no internet and no data, and takes about a minute."
        )
        line.addWidget(label(words, wrap=True), 1)
        self.demo = button(tr("&Try the demo"), self.workspace.open_demo, kind="primary")
        line.addWidget(self.demo, 0, Qt.AlignmentFlag.AlignVCenter)
        card.body.addLayout(line)
        return card

    def _new_card(self) -> Card:
        card = Card(tr("New project"))
        self.name = TextInput()
        self.name.setAccessibleName(tr("New project name"))
        name_label = label(tr("N&ame"))
        name_label.setBuddy(self.name)
        self.folder = PathInput(
            folder=True,
            name=tr("New project folder"),
            start=lambda: self.workspace.settings.projects_folder,
        )
        folder_label = label(tr("&In folder"))
        folder_label.setBuddy(self.folder)
        self.create_button = button(tr("&Create project"), self._create)
        self.name.returnPressed.connect(lambda: self._create())
        for widget in (name_label, self.name, folder_label, self.folder):
            card.body.addWidget(widget)
        card.body.addSpacing(em(times=0.3))
        card.body.addWidget(self.create_button, 0, Qt.AlignmentFlag.AlignLeft)
        card.body.addStretch()
        return card

    def _recent_card(self) -> Card:
        card = Card(tr("Recent projects"))
        self.recent = RecentList()
        self.recent.opened.connect(self.open_wanted.emit)
        self.recent.forgotten.connect(self.workspace.recents.forget)
        self.no_recent = label(tr("None yet. Projects you open appear here."), "muted", wrap=True)
        self.open_button = button(tr("&Open project …"), self.browse_wanted.emit)
        card.body.addWidget(self.no_recent)
        card.body.addWidget(self.recent, 1)
        card.body.addStretch()
        card.body.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignLeft)
        return card

    def refresh(self) -> None:
        """Fill in what is most likely wanted."""
        folder = self.workspace.settings.projects_folder
        if not self.folder.get():
            self.folder.set_value(str(folder))
        if not self.name.text():
            self.name.setText(free_name(folder))
        self._show_recents()

    def _show_recents(self) -> None:
        paths = self.workspace.recents.paths
        self.recent.show_paths(paths)
        self.recent.setVisible(bool(paths))
        self.no_recent.setVisible(not paths)

    def begin(self) -> None:
        """Put the keyboard where a new project is named."""
        self.name.setText(free_name(self._folder()))
        self.name.selectAll()
        self.name.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _folder(self) -> Path:
        """Where a new project goes; what is no whole path starts at the folder of projects."""
        start = self.workspace.settings.projects_folder
        return resolved_path(self.folder.get() or ".", project=start / "any.pqv")

    def _create(self, config: RunConfig | None = None) -> None:
        try:
            folder = self._folder()
            self.workspace.create(folder, self.name.text(), config)
        except PqvError as error:
            self.present(error.info())
            return
        self.banner.hide()
        self.name.clear()
        if self.folder.get():
            self.workspace.settings.projects_folder = folder
