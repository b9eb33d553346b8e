"""Start: the demo, a new project, recent projects."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent

from pqv_core.config import RunConfig
from pqv_core.config.export import TARGETS
from pqv_core.errors import PqvError
from pqv_core.project.project_file import resolved_path
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages.shared.base_page import Page
from pqv_gui.pages.start.recent_list import RecentList
from pqv_gui.services.jobs import Progressing
from pqv_gui.style.theme import em
from pqv_gui.viewmodels import apply_preset, defaults, project_notes
from pqv_gui.viewmodels.project_notes import ProjectNote
from pqv_gui.viewmodels.project_session import free_name
from pqv_gui.widgets.basic_inputs import ComboInput, TextInput
from pqv_gui.widgets.basics import Card, button, label, row
from pqv_gui.widgets.folding_columns import FoldingColumns
from pqv_gui.widgets.path_input import PathInput
from pqv_gui.widgets.preset_menu import PresetCard

_LOOKED_AT = 30  # recent projects, the newest: more are seldom seen
_LOOK_AFTER_MS = 150  # once the window is there


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
        self._notes: dict[Path, ProjectNote] = {}
        self._look = QTimer(self)
        self._look.setSingleShot(True)
        self._look.setInterval(_LOOK_AFTER_MS)
        self._look.timeout.connect(self._look_at_recents)

    def _demo_card(self) -> Card:
        card = Card(tr("New here?"))
        line = row(gap=1.0)
        words = tr(
            "The demo compresses a small model for handwritten digits. "
            "It needs no internet and no data, and takes a minute or two."
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
        self.target = ComboInput({str(key): tr(info.label) for key, info in TARGETS.items()})
        self.target.setAccessibleName(tr("New project target"))
        target_label = label(tr("Runs o&n"))
        target_label.setBuddy(self.target)
        self.create_button = button(tr("&Create project"), self._create)
        self.name.returnPressed.connect(lambda: self._create())
        for widget in (name_label, self.name, folder_label, self.folder, target_label, self.target):
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
        self.presets.refresh()
        self._show_recents()

    def showEvent(self, event: QShowEvent) -> None:
        """Look at the projects anew once the page is there: something may have run meanwhile."""
        super().showEvent(event)
        self._look.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Look no more."""
        super().hideEvent(event)
        self._look.stop()

    def _look_at_recents(self) -> None:
        paths = self.workspace.recents.paths[:_LOOKED_AT]

        def work(task: Progressing) -> None:
            for path in paths:
                if task.cancelled():
                    return
                task.say((path, project_notes.look(path)))

        def said(found: tuple[Path, ProjectNote]) -> None:
            self._notes[found[0]] = found[1]
            self.recent.show_notes(self._notes)

        self.workspace.tasks.start(work, done=lambda _: None, failed=self.present, said=said)

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
            threads = self.workspace.settings.threads
            config = config or defaults.new_config(self.target.get())
            self.workspace.create(folder, self.name.text(), defaults.measured_with(config, threads=threads))
        except PqvError as error:
            self.present(error.info())
            return
        self.banner.hide()
        self.name.clear()
        if self.folder.get():
            self.workspace.settings.projects_folder = folder
