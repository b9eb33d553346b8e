"""How phones are measured: every setting with its control."""

from __future__ import annotations

from PySide6.QtWidgets import QLayout, QWidget

from pqv_gui.i18n import tr
from pqv_gui.viewmodels.phone_settings import COMPARE, SHAPE, PhoneSettings
from pqv_gui.widgets.basics import Card, Disclosure, column
from pqv_gui.widgets.form import Form
from pqv_gui.widgets.inputs import CheckInput
from pqv_gui.widgets.lists import NumbersInput
from pqv_gui.widgets.numbers import IntInput, RealInput


class PhoneSettingsCard(Card):
    """The card at the right of the files."""

    def __init__(self, settings: PhoneSettings) -> None:
        super().__init__(tr("How it is measured"))
        self._settings = settings
        self.form = Form(settings)
        self._numbers()
        self._ticks()
        more = QWidget()
        self._more(more)
        self.more = Disclosure(tr("More settings"), more)
        self.body.addWidget(self.more)
        self.body.addStretch()

    def _numbers(self) -> None:
        add = self._number
        tip = tr("Several, such as 1, 2, 4, are measured one after the other")
        add(self.body, "phone.threads", NumbersInput(placeholder="4"), text=tr("&Threads"), tip=tip)
        add(self.body, "phone.iterations", IntInput(1, 1_000_000), text=tr("T&imed runs"), tip=tr("Those that count"))
        tip = tr("Inferences before, which do not count")
        add(self.body, "phone.warmup", IntInput(0, 10_000), text=tr("Warm-&up runs"), tip=tip)
        limit, tip = RealInput(0.1, 86_400, step=10, suffix=" s"), tr("For each file and number of threads")
        add(self.body, "phone.max_seconds", limit, text=tr("Time li&mit"), tip=tip)

    def _ticks(self) -> None:
        tip = tr("Where there are as many of them as threads; usually the fastest")
        self._tick(self.body, "phone.pin", text=tr("Run on the &big cores"), tip=tip)
        tip = tr("Wait until the phone does not throttle; the wait can be skipped")
        self._tick(self.body, "phone.cool_down", text=tr("Cool d&own first"), tip=tip)
        tip = tr("This computer answers the same inputs first")
        self._tick(self.body, COMPARE, text=tr("Compare the answers with this computer’s"), tip=tip)
        tip = tr("In runs of their own, after those that count")
        self._tick(self.body, "phone.profile", text=tr("Time the operator&s"), tip=tip)

    def _more(self, more: QWidget) -> None:
        layout = column(more, gap=0.6)
        tip = tr("Android 11 and later; put back afterwards, whatever happens")
        self._tick(layout, "phone.fixed_performance", text=tr("Ask for a cloc&k that can be held"), tip=tip)
        tip = tr("Program, libraries and model stay in /data/local/tmp, so that the next push is short")
        self._tick(layout, "phone.keep", text=tr("Leave the files on the pho&ne"), tip=tip)
        cooling, tip = RealInput(0, 7200, step=30, suffix=" s"), tr("Then it is measured as it is, and marked")
        self._number(layout, "phone.cool_limit_s", cooling, text=tr("Longest cooling"), tip=tip)
        look, tip = RealInput(0, 60, step=0.5, suffix=" s"), tr("0 for never; each look costs the phone a little")
        self._number(layout, "phone.watch_s", look, text=tr("Look at the heat every"), tip=tip)
        tip = tr("Validation images of the project that the phone is asked about, for agreement and accuracy")
        self._number(layout, "phone.images", IntInput(1, 100_000), text=tr("Images to compare"), tip=tip)
        shape, tip = NumbersInput(placeholder=tr("From the file")), tr("For files without it, such as 1, 3, 224, 224")
        self._number(layout, SHAPE, shape, text=tr("Input shape"), tip=tip)

    def _number(self, layout: QLayout, name: str, editor: QWidget, *, text: str, tip: str) -> None:
        editor.setToolTip(tip)
        layout.addWidget(self.form.add(name, editor, text=text, beside=True))

    def _tick(self, layout: QLayout, name: str, *, text: str, tip: str) -> None:
        box = CheckInput(text)
        box.setToolTip(tip)
        layout.addWidget(self.form.add(name, box, text=""))

    def refresh(self) -> None:
        """Show what the settings hold, and what cannot be."""
        self.form.refresh()
        self.form.show_problems(self._settings.problems)
