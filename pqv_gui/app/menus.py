"""The menu bar: every action with its shortcut."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QAction, QActionGroup, QDesktopServices, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QMenuBar

from pqv_gui.app.commands import Commands
from pqv_gui.app.help import Help
from pqv_gui.app.preferences import MODE, SCALE, Preferences
from pqv_gui.app.step_list import page_keys
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages import PAGES, in_group
from pqv_gui.services.shortcuts import Shortcuts
from pqv_gui.style.theme import TEXT_SCALES, Theme, em
from pqv_gui.viewmodels import display_names
from pqv_gui.widgets.basics import ElidedLabel, plain

_RECENT = 10
_AROUND = 2 * 10  # of a menu's name, in pixels, as the style sheet has it


class _Corner(ElidedLabel):
    """The project's name at the right of the menu bar, whose size is the same for all names."""

    def sizeHint(self) -> QSize:
        """Room for a name, as far as the menus leave any: they come first."""
        bar, wide = self.parentWidget(), em(times=20)
        if isinstance(bar, QMenuBar):
            metrics = bar.fontMetrics()
            menus = sum(metrics.horizontalAdvance(plain(each.text())) + _AROUND + em() // 3 for each in bar.actions())
            wide = max(0, min(wide, bar.width() - menus - em()))
        return QSize(wide, em(times=1.9))


class Menus:
    """Builds the menus of a window and keeps them true."""

    def __init__(self, window: QMainWindow, commands: Commands, workspace: Workspace, theme: Theme) -> None:
        self._window, self._commands, self.guide = window, commands, Help(window, commands)
        self._work, self.preferences = workspace, Preferences(workspace, theme)
        self._ticks: dict[tuple[str, object], QAction] = {}
        self.shortcuts = Shortcuts(workspace.settings)
        bar = window.menuBar()
        self.corner = _Corner("", "caption")
        self.corner.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.corner.setContentsMargins(12, 0, 12, 0)
        self.corner.setAccessibleName(tr("Project"))
        bar.setCornerWidget(self.corner)
        self._file(bar.addMenu(tr("&File")))
        self._edit(bar.addMenu(tr("&Edit")))
        self._go(bar.addMenu(tr("&Go")))
        self._run(bar.addMenu(tr("&Run")))
        self._device(bar.addMenu(tr("&Device")))
        self._view(bar.addMenu(tr("&View")))
        self._help(bar.addMenu(tr("&Help")))
        self._work.recents.subscribe(self._fill_recent)
        self._fill_recent()

    def _add(
        self,
        menu: QMenu,
        text: str,
        act: Callable[[], object],
        *keys: str | QKeySequence.StandardKey,
        keep: bool = True,
    ) -> QAction:
        """An action of a menu; ``keep`` lets the person give it other keys."""
        action = QAction(text, self._window)
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.triggered.connect(lambda _=False: act())
        menu.addAction(action)
        if keep:
            self.shortcuts.add(f"{plain(menu.title())} › {plain(text)}", action)
        return action

    def _file(self, menu: QMenu) -> None:
        commands = self._commands
        self._add(menu, tr("&New project …"), commands.new_project, QKeySequence.StandardKey.New)
        self._add(menu, tr("&Open …"), commands.browse, QKeySequence.StandardKey.Open)
        self.recent = menu.addMenu(tr("Open &recent"))
        self._add(menu, tr("Open the &demo"), self._work.open_demo)
        menu.addSeparator()
        self.save = self._add(menu, tr("&Save"), commands.save, QKeySequence.StandardKey.Save)
        self.save_as = self._add(menu, tr("Save &as …"), commands.save_as, "Ctrl+Shift+S")
        self.report = self._add(menu, tr("&Export report …"), commands.export_report, "Ctrl+E")
        self.close = self._add(menu, tr("&Close project"), commands.close_project, "Ctrl+W")
        menu.addSeparator()
        self._add(menu, tr("&Quit"), commands.quit, "Ctrl+Q")

    def _edit(self, menu: QMenu) -> None:
        self.undo = self._add(menu, tr("&Undo"), self._commands.undo, "Ctrl+Z")
        self.redo = self._add(menu, tr("&Redo"), self._commands.redo, "Ctrl+Shift+Z", "Ctrl+Y")
        menu.addSeparator()
        self._add(menu, tr("&Settings …"), self._show_settings, "Ctrl+,")

    def _go(self, menu: QMenu) -> None:
        self.places = [
            self._add(menu, tr(PAGES[key].label), lambda key=key: self._commands.go(key), *page_keys(number))  # type: ignore[misc]
            for number, key in enumerate(in_group("wizard", "working"), start=1)
        ]

    def _run(self, menu: QMenu) -> None:
        self.start = self._add(menu, tr("&Run or resume"), self._commands.start_run, "F5")
        self.cancel = self._add(menu, tr("&Cancel"), self._commands.cancel, "Ctrl+.")

    def _device(self, menu: QMenu) -> None:
        self.measure = self._add(menu, tr("&Push and run"), self._commands.measure_on_phones, "F6")
        self.stop_measuring = self._add(menu, tr("&Cancel"), lambda: self._work.phones.cancel(), "Ctrl+Shift+.")
        menu.addSeparator()
        self.look = self._add(menu, tr("&Look for phones again"), lambda: self._work.phones.watch.look_again())
        self.connect_phone = self._add(menu, tr("Connect a &Wi-Fi phone …"), self._commands.connect_phone)

    def _view(self, menu: QMenu) -> None:
        colours = menu.addMenu(tr("&Colours"))
        group = QActionGroup(self._window)
        for mode, text in display_names.MODES.items():
            action = self._add(colours, tr(text), lambda mode=mode: self._prefer(MODE, mode))  # type: ignore[misc]
            self._ticks[MODE, mode] = action
            group.addAction(action)
        sizes = menu.addMenu(tr("&Text size"))
        group = QActionGroup(self._window)
        for percent in TEXT_SCALES:
            action = self._add(sizes, f"{percent} %", lambda percent=percent: self._prefer(SCALE, percent))  # type: ignore[misc]
            self._ticks[SCALE, percent] = action
            group.addAction(action)
        for action in self._ticks.values():
            action.setCheckable(True)
        self._show_ticks()
        self.summary = QAction(tr("&Summary"), self._window)
        self.summary.setCheckable(True)
        self.summary.setChecked(True)
        menu.addAction(self.summary)

    def _help(self, menu: QMenu) -> None:
        self.guide.action = self._add(menu, tr("&Guide to this page"), self.guide.open_here, "F1")
        self._add(menu, tr("Co&mmands …"), self._open_palette, "Ctrl+Shift+P")
        self._add(menu, tr("&Keyboard shortcuts …"), self._show_shortcuts, "Ctrl+/")
        menu.addSeparator()
        self._add(menu, tr("&Copy details for a bug report"), _copy_details)
        self._add(menu, tr("Open the &log’s folder"), _open_log)
        menu.addSeparator()
        self._add(menu, tr("&About PQV-Mobile"), self._about)

    def _open_palette(self) -> None:
        from pqv_gui.app.palette import open_palette

        open_palette(self._window, self._commands, self._work)

    def _show_shortcuts(self) -> None:
        from pqv_gui.dialogs.shortcut_editor import ShortcutsDialog

        ShortcutsDialog(self._window, self.shortcuts).exec()

    def _prefer(self, name: str, value: object) -> None:
        self.preferences.set(name, value)

    def _show_ticks(self) -> None:
        """Tick what is preferred, here or in the settings."""
        for (name, value), action in self._ticks.items():
            action.setChecked(self.preferences.get(name) == value)

    def _show_settings(self) -> None:
        from pqv_gui.app.kept_folders import kept_folders
        from pqv_gui.dialogs.settings import SettingsDialog

        SettingsDialog(self._window, self.preferences, kept=kept_folders()).exec()
        self._show_ticks()

    def _about(self) -> None:
        from pqv_gui.dialogs.about import AboutDialog

        AboutDialog(self._window).exec()

    # keeping them true ---------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Enable what can be done now."""
        session = self._work.session
        for action in (self.save_as, self.close, *self.places, self.look, self.connect_phone):
            action.setEnabled(session.is_open)
        self.save.setEnabled(session.is_open and session.writable)
        for action in (self.measure, self.stop_measuring, self.report):
            action.setEnabled(action.isEnabled() and session.is_open)
        self.refresh_edit()

    def refresh_edit(self) -> None:
        """Say what can be undone and made again now."""
        edited = self._commands.edited
        for action, words, name in (
            (self.undo, tr("&Undo"), edited.undo_label),
            (self.redo, tr("&Redo"), edited.redo_label),
        ):
            action.setEnabled(self._work.session.is_open and bool(name))
            action.setText(f"{words}: {tr(display_names.setting(name))}" if name else words)

    def refresh_run(self) -> None:
        """Enable what can be done with the run now."""
        self.start.setEnabled(self._work.can_run)
        self.start.setText(tr("&Add to queue") if self._work.runs.busy else tr("&Run or resume"))
        self.cancel.setEnabled(self._work.works)

    def refresh_phones(self) -> None:
        """Enable what can be done with phones now."""
        self.measure.setEnabled(self._work.phones.can_start)
        self.stop_measuring.setEnabled(self._work.measures)

    def refresh_compare(self) -> None:
        """Enable what can be done with the runs now."""
        self.report.setEnabled(self._work.session.is_open and bool(self._work.compare.view.ticked))

    def _fill_recent(self) -> None:
        self.recent.clear()
        for path in self._work.recents.paths[:_RECENT]:
            text = f"{path.stem} – {path.parent}".replace("&", "&&")
            self._add(self.recent, text, lambda path=path: self._commands.open_project(path), keep=False)  # type: ignore[misc]
        self.recent.setEnabled(bool(self._work.recents.paths))


def _copy_details() -> None:
    from pqv_gui.services import bug_report

    QGuiApplication.clipboard().setText(bug_report.details())


def _open_log() -> None:
    from pqv_gui.services import logfile

    QDesktopServices.openUrl(QUrl.fromLocalFile(str(logfile.folder())))
