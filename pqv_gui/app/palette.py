"""What the command palette offers: every action of the menus that can be done now, and every setting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from pqv_gui.app.commands import Commands
from pqv_gui.desks.workspace import Workspace
from pqv_gui.dialogs.command_palette import CommandPalette, Entry
from pqv_gui.i18n import tr
from pqv_gui.pages import PAGES, page_of
from pqv_gui.viewmodels import display_names
from pqv_gui.widgets.basics import plain

_KEPT = "palette"  # names of what was chosen, the last first
_REMEMBERED = 8


def open_palette(window: QMainWindow, commands: Commands, workspace: Workspace) -> None:
    """Show the palette over a window; what was chosen in it lately comes first."""
    kept = workspace.settings.store(_KEPT)
    lately = list(kept.read())
    entries = [*_of_menus(window), *_of_settings(commands, workspace)]
    entries.sort(key=lambda entry: lately.index(entry.text) if entry.text in lately else len(lately))
    dialog = CommandPalette(window, entries)

    def do(entry: Entry) -> None:
        kept.write([entry.text, *(text for text in lately if text != entry.text)][:_REMEMBERED])
        entry.run()

    dialog.chosen.connect(do)
    dialog.open()


def _of_menus(window: QMainWindow) -> Iterator[Entry]:
    for action in window.menuBar().actions():
        if isinstance(menu := action.menu(), QMenu):
            yield from _of_menu(menu, plain(action.text()))


def _of_menu(menu: QMenu, path: str) -> Iterator[Entry]:
    for action in menu.actions():
        inner, name = action.menu(), plain(action.text())
        if not action.isEnabled() or action.isSeparator():
            continue
        if isinstance(inner, QMenu):
            yield from _of_menu(inner, f"{path} › {name}")
        else:
            yield Entry(name, path, _keys(action), action.trigger)


def _keys(action: QAction) -> str:
    return action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)


def _of_settings(commands: Commands, workspace: Workspace) -> Iterator[Entry]:
    """The settings of the open project, each with the page on which it is edited."""
    if not workspace.session.is_open:
        return
    sections = {section for info in PAGES.values() for section in info.sections}
    for name, text in display_names.SETTINGS.items():
        if name.partition(".")[0] in sections:
            show: Callable[[], None] = partial(commands.show_setting, name)
            yield Entry(tr(text), tr(PAGES[page_of(name)].label), "", show)
