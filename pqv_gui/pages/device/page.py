"""Device: the phones, the files, how they are measured, Push and run, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from pqv_core import formats
from pqv_core.errors import ErrorInfo, PqvError
from pqv_core.results.record import LOCAL
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages.device.phone_cards import AddressLine, PhoneCards
from pqv_gui.pages.device.phone_chart import PhoneChart
from pqv_gui.pages.device.phone_files import Source
from pqv_gui.pages.device.phone_parts import FileList, TargetRows
from pqv_gui.pages.device.phone_settings_card import PhoneSettingsCard
from pqv_gui.pages.run import INFO as RUN
from pqv_gui.pages.shared.base_page import Page
from pqv_gui.pages.shared.run_head import RunHead
from pqv_gui.viewmodels.results import run_choices
from pqv_gui.viewmodels.results.measurement_rows import Measured, from_record, operator_bars
from pqv_gui.viewmodels.results.run_choices import RunChoice
from pqv_gui.widgets.bar_list import BarList
from pqv_gui.widgets.basic_inputs import ComboInput
from pqv_gui.widgets.basics import Card, ElidedLabel, as_tip, button, label, row
from pqv_gui.widgets.focus import share_focus
from pqv_gui.widgets.folding_columns import FoldingColumns
from pqv_gui.widgets.measurement_table import MeasurementTable
from pqv_gui.widgets.run_picker import RunPicker

_GROUP = "group"  # in the list of runs, several of them together
_DRAW_MS = 180  # the chart is drawn in a turn of its own, so that no frame waits for figures and chart
_HEADLINES = {
    "empty": "Nothing measured yet",
    "running": "Measuring",
    "cancelling": "Stopping …",
    "succeeded": "Complete",
    "failed": "Some measurements failed",
    "cancelled": "Stopped",
}


class DevicePage(Page):
    """Phones and this computer: choose, push, run, read."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            heading=tr("Device"),
            sentence=tr("Push the files to a phone and measure latency, memory, temperature and outputs there."),
        )
        self.desk = workspace.phones
        self._told: object = None
        self._offered: tuple[object, object] = (None, None)
        self._choices: list[RunChoice] = []
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._draw)
        self.setAcceptDrops(True)
        self.body.addWidget(self._control_card())
        self.body.addWidget(self._result_card())
        self.chart = PhoneChart()
        self.chart.saver.failed.connect(self.present)
        self.chart.saver.caption = lambda: self.desk.run.caption(each.title for each in self._measured())
        self.chart_card = Card()
        self.chart_card.body.addWidget(self.chart)
        self.body.addWidget(self.chart_card)
        self.body.addWidget(self._phone_card())
        self.settings = PhoneSettingsCard(self.desk.settings)
        self.body.addWidget(FoldingColumns([(self._file_card(), 1), (self.settings, 1)], fold_below=44))
        self.body.addStretch(1)
        self._number = -1

    # building ------------------------------------------------------------------------------------------------

    def _control_card(self) -> Card:
        card = Card()
        line = row(gap=0.6)
        self.headline = label("", "heading")
        self.position = ElidedLabel("", "muted")
        line.addWidget(self.headline)
        line.addWidget(self.position, 1)
        self.repeat = button("", self._repeat, tip=tr("Repeats the files on devices where the run ended early"))
        self.start = button(tr("&Push and run"), self._start, kind="primary")
        self.cancel = button(tr("&Cancel"), self.desk.cancel, name=tr("Cancel measuring"))
        for widget in (self.repeat, self.start, self.cancel):
            line.addWidget(widget)
        share_focus(self.start, self.cancel, self.repeat)
        card.body.addLayout(line)
        self.missing = label("", "problem", wrap=True)
        card.body.addWidget(self.missing)
        self.android = button(tr("E&xport for Android and measure"), self._export_for_android)
        remedy = row()
        remedy.addWidget(self.android)
        remedy.addStretch()
        card.body.addLayout(remedy)
        self.targets = TargetRows()
        self.targets.skip.connect(self.desk.skip_cooling)
        card.body.addWidget(self.targets)
        return card

    def _result_card(self) -> Card:
        self.results = Card(tr("Results"))
        self.head = RunHead()
        self.results.body.addWidget(self.head)
        self.table = MeasurementTable()
        self.results.body.addWidget(self.table)
        self.warnings = label("", "problem", wrap=True)
        self.results.body.addWidget(self.warnings)
        self.operators = QWidget()
        inner = Card(tr("Slowest operators"))
        self.profile = ComboInput({})
        self.profile.setAccessibleName(tr("Operators of"))
        self.profile.changed.connect(lambda _: self._show_operators())
        self.bars = BarList(tr("Slowest operators"))
        inner.body.addWidget(self.profile)
        inner.body.addWidget(self.bars)
        self.operators = inner
        self.results.body.addWidget(inner)
        return self.results

    def _phone_card(self) -> Card:
        card = Card()
        line = row(gap=0.5)
        line.addWidget(label(tr("Phones"), "heading"), 1)
        self.wifi = button(tr("&Wi-Fi phone …"), self._flip_address, name=tr("Connect a phone over Wi-Fi"))
        self.again = button(tr("&Look again"), self.desk.watch.look_again, name=tr("Look for phones again"))
        line.addWidget(self.wifi)
        line.addWidget(self.again)
        card.body.addLayout(line)
        self.address = AddressLine()
        self.address.entered.connect(self._connect_address)
        self.address.hide()
        for part in (self.address.text, self.address.connect_button):
            share_focus(part, self.wifi)
        card.body.addWidget(self.address)
        self.phones = PhoneCards(after=self.address.connect_button)
        self.phones.ticked.connect(self.desk.phones.tick)
        self.phones.again.connect(self.desk.watch.ask_or_look)
        self.phones.removed.connect(self.desk.phones.forget)
        card.body.addWidget(self.phones)
        return card

    def _file_card(self) -> Card:
        card = Card(tr("Files"))
        self.source = RunPicker(tr("Run to measure"))
        self.source.changed.connect(self._choose_source)
        self.source_line = QWidget()
        line = row(self.source_line, gap=0.6)
        line.addWidget(label(tr("Of run"), "muted"))
        line.addWidget(self.source, 1)
        card.body.addWidget(self.source_line)
        self.files = FileList()
        self.files.ticked.connect(self.desk.files.tick)
        self.files.removed.connect(self.desk.files.remove)
        card.body.addWidget(self.files)
        line = row()
        self.add = button(
            tr("&Add file …"), self._browse, name=tr("Add a {kind} from disk").format(kind=formats.described())
        )
        line.addWidget(self.add)
        line.addStretch()
        card.body.addLayout(line)
        card.body.addStretch()
        return card

    # what a person does --------------------------------------------------------------------------------------

    def _start(self) -> None:
        self.banner.hide()
        self.desk.start()
        self.scroller.verticalScrollBar().setValue(0)

    def _export_for_android(self) -> None:
        self.banner.hide()
        try:
            self.workspace.export_for_android()
        except PqvError as error:
            self.present(error.info())
        else:
            self.go.emit(RUN.key)

    def _repeat(self) -> None:
        self.banner.hide()
        self.desk.repeat()

    def _flip_address(self) -> None:
        self.address.setVisible(not self.address.isVisibleTo(self))
        if self.address.isVisibleTo(self):
            self.address.text.setFocus()

    def begin(self) -> None:
        """Ask for the address of a phone on Wi-Fi."""
        self.address.show()
        self.address.text.setFocus()

    def _connect_address(self, text: str) -> None:
        try:
            self.desk.watch.connect_address(text)
        except PqvError as error:
            self.present(error.info())
        else:
            self.banner.hide()
            self.address.text.clear()
            self.address.hide()

    def _choose_source(self, chosen: str) -> None:
        if chosen == _GROUP:
            self.desk.files.choose_group()
        else:
            self.desk.files.choose_run(Path(chosen))

    def _browse(self) -> None:
        start = str(self.desk.files.directory or Path.home())
        chosen, _ = QFileDialog.getOpenFileNames(
            self,
            tr("Add files"),
            start,
            tr("Exported models ({patterns})").format(patterns=" ".join(f"*{one}" for one in formats.suffixes())),
        )
        for text in chosen:
            self.add_file(Path(text))

    def add_file(self, path: Path) -> None:
        """Add a file to what can be measured."""
        try:
            self.desk.files.add(path)
        except PqvError as error:
            self.present(error.info())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files that are dropped."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Add what was dropped."""
        for url in event.mimeData().urls():
            if url.isLocalFile():
                self.add_file(Path(url.toLocalFile()))
        event.acceptProposedAction()

    # what is shown -------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the present state."""
        self.phones.refresh(self.desk.phones)
        self._show_sources()
        self.files.refresh(self.desk.files)
        self.settings.refresh()
        self.refresh_run()

    def _show_sources(self) -> None:
        """The runs whose files can be measured, and which one is meant."""
        files = self.desk.files
        if files.sources is not self._offered[0] or files.group is not self._offered[1]:
            self._offered = files.sources, files.group
            group = [RunChoice(_GROUP, files.group.title)] if files.group is not None else []
            self._choices = [
                *group,
                *(run_choices.of(each.directory, each.record, each.title) for each in files.sources),
            ]
        self.source.show_runs(self._choices, _GROUP if files.grouped else str(files.directory))
        self.source_line.setVisible(bool(self._choices))

    def refresh_run(self) -> None:
        """Show how far the measuring is."""
        run = self.desk.run
        if run.number != self._number:
            self._number = run.number
            self._told = None
            self.chart.clear()
        self._show_controls()
        self.targets.refresh(run)
        self.chart_card.setVisible(bool(run.series))
        if not run.active:
            self._draw()
        elif not self._soon.isActive():
            self._soon.start(_DRAW_MS)
        self._show_results()
        self._show_error()

    def _draw(self) -> None:
        run = self.desk.run
        if run.series and self.chart.outdated(run):
            self.chart.draw(run)

    def _show_controls(self) -> None:
        desk, run = self.desk, self.desk.run
        self.headline.setText(tr("Measured earlier") if self._earlier else self._headline())
        self.position.set_text("" if run.active else self._wanted())
        self.start.setVisible(not run.active)
        self.start.setEnabled(desk.can_start)
        self.cancel.setVisible(run.active)
        self.cancel.setEnabled(run.state != "cancelling")
        rows = desk.again
        names = ", ".join(each.name for each in rows)
        self.repeat.setVisible(bool(rows))
        self.repeat.setText(tr("Run again on {name}").replace("{name}", names).replace("&", "&&"))
        self.repeat.setAccessibleName(self.repeat.text())
        missing = desk.missing
        self.missing.setText(tr(missing))
        self.missing.setVisible(bool(missing))
        self.start.setToolTip(as_tip(tr(missing)) or tr("Measure the selected files on the selected devices (F6)"))
        self.android.setVisible(bool(desk.refusal) and missing == desk.refusal)

    def _headline(self) -> str:
        """How the measuring goes, or how many devices it failed on."""
        run = self.desk.run
        targets = list(run.targets.values())
        failed = [target for target in targets if target.state == "failed" or target.failures]
        if run.state != "failed" or len(targets) < 2:
            return tr(_HEADLINES[run.state])
        phones = all(target.key != LOCAL for target in targets)
        words = tr("{count} of {total} phones failed") if phones else tr("{count} of {total} devices failed")
        return words.replace("{count}", f"{len(failed):,}").replace("{total}", f"{len(targets):,}")

    @property
    def _earlier(self) -> list[Measured]:
        """What the run whose files are offered tells of measurements, where nothing was measured since."""
        source = self.desk.files.source
        return from_record(source.record) if source is not None and self.desk.run.state == "empty" else []

    def _wanted(self) -> str:
        files, targets = len(self.desk.files.chosen), len(self.desk.phones.chosen)
        if not files or not targets:
            return ""
        many = tr("{count} files") if files > 1 else tr("{count} file")
        more = tr("{count} targets") if targets > 1 else self.desk.phones.chosen[0].name
        return f"{many.replace('{count}', str(files))} → {more.replace('{count}', str(targets))}"

    def _show_results(self) -> None:
        run = self.desk.run
        rows = run.measured or self._earlier
        self.results.setVisible(bool(rows))
        if not rows:
            return
        self._show_head()
        self.table.show_rows(rows)
        warnings = ((target, text) for target in run.targets.values() for text in target.warnings)
        said = dict.fromkeys(f"{target.name}: {text}" if len(run.targets) > 1 else text for target, text in warnings)
        self.warnings.setText("\n".join(f"⚠ {text}" for text in said))
        self.warnings.setVisible(bool(said))
        titles = [profile.title for profile in run.profiles]
        if titles != [self.profile.itemText(index) for index in range(self.profile.count())]:
            self.profile.clear()
            for title in titles:
                self.profile.addItem(title, title)
        self.operators.setVisible(bool(titles))
        self._show_operators()

    def _show_head(self) -> None:
        """Which run the results are of; nothing where they are of several, or of files from the disk."""
        source = self.desk.files.source
        if self.desk.run.measured:
            known = self._measured()
            source = known[0] if len(known) == 1 else None
        words = tr("Results of {name}").replace("{name}", source.title) if source is not None else tr("Results")
        self.results.heading.setText(words)
        did = source.record.config if source is not None else None
        self.head.show_settings(did, self.session.config, writable=self.session.writable)

    def _measured(self) -> list[Source]:
        """The runs whose files are measured; none where not all are of runs that are known."""
        targets = self.desk.run.targets.values()
        folders = {file.run for target in targets for file in target.files}
        known = [each for each in self.desk.files.sources if each.directory in folders]
        return known if len(known) == len(folders) else []

    def _show_operators(self) -> None:
        chosen = self.profile.currentIndex()
        profiles = self.desk.run.profiles
        if 0 <= chosen < len(profiles):
            self.bars.show_bars(operator_bars(profiles[chosen].operators))

    def _show_error(self) -> None:
        """What went wrong, once: the first target's error; those of others stand in their lines."""
        run = self.desk.run
        failed = [target for target in run.targets.values() if target.error or target.failures]
        if run.active or not failed:
            return
        target = failed[0]
        error = target.error or target.failures[0][1]
        if self._told is error:
            return
        self._told = error
        where = target.name if target.error else f"{target.name}, {target.failures[0][0].name}"
        self._present_of(where, error)

    def _present_of(self, where: str, error: ErrorInfo) -> None:
        offers: dict[str, Callable[[], object]] = {}
        if error.kind == "RuntimeLibraryError":
            offers[tr("Choose the file …")] = self._browse_archives
        self.present(error.model_copy(update={"message": f"{where}: {error.message}"}), offers=offers)

    def _browse_archives(self) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(
            self, tr("The runtime’s archives"), str(Path.home()), tr("Archives of runtimes (*.aar *.tgz)")
        )
        if chosen:
            self.banner.hide()
            self.desk.use_archives(*map(Path, chosen))
