"""How phones are measured: every setting with its control."""

from __future__ import annotations

from PySide6.QtWidgets import QLayout, QWidget

from pqv_gui.i18n import tr
from pqv_gui.pages.device.phone_settings import COMPARE, SHAPE, PhoneSettings
from pqv_gui.widgets.basic_inputs import CheckInput
from pqv_gui.widgets.basics import Card, Disclosure, column
from pqv_gui.widgets.form import Form
from pqv_gui.widgets.list_inputs import NumbersInput
from pqv_gui.widgets.number_inputs import IntInput, RealInput


class PhoneSettingsCard(Card):
    """The card at the right of the files."""

    def __init__(self, settings: PhoneSettings) -> None:
        super().__init__(tr("Measurement settings"))
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
        tip = tr("One or more, for example 1, 2, 4; measured in turn")
        add(self.body, "phone.threads", NumbersInput(placeholder="4"), text=tr("&Threads"), tip=tip)
        add(self.body, "phone.iterations", IntInput(1, 1_000_000), text=tr("T&imed runs"), tip=tr("Timed inferences"))
        tip = tr("Untimed inferences beforehand")
        add(self.body, "phone.warmup", IntInput(0, 10_000), text=tr("Warm-&up runs"), tip=tip)
        limit, tip = RealInput(0.1, 86_400, step=10, suffix=" s"), tr("Per file and thread count")
        add(self.body, "phone.max_seconds", limit, text=tr("Time li&mit"), tip=tip)

    def _ticks(self) -> None:
        tip = tr("If there are at least as many as threads; usually fastest")
        self._tick(self.body, "phone.pin", text=tr("Run on the &big cores"), tip=tip)
        tip = tr("Wait until the phone no longer throttles; you can skip the wait")
        self._tick(self.body, "phone.cool_down", text=tr("Cool d&own first"), tip=tip)
        tip = tr("This computer computes the reference outputs first")
        self._tick(self.body, COMPARE, text=tr("Compare outputs with this computer’s"), tip=tip)
        tip = tr("In separate runs after the timed ones")
        self._tick(self.body, "phone.profile", text=tr("Profile operator&s"), tip=tip)

    def _more(self, more: QWidget) -> None:
        layout = column(more, gap=0.6)
        tip = tr("Android 11 and later; always restored afterwards")
        self._tick(layout, "phone.fixed_performance", text=tr("Request a sustained cloc&k"), tip=tip)
        tip = tr("Keeps program, libraries and model in /data/local/tmp for a faster next push")
        self._tick(layout, "phone.keep", text=tr("Keep files on the pho&ne"), tip=tip)
        cooling, tip = RealInput(0, 7200, step=30, suffix=" s"), tr("After this, measures anyway and marks the result")
        self._number(layout, "phone.cool_limit_s", cooling, text=tr("Maximum cool-down"), tip=tip)
        look, tip = RealInput(0, 60, step=0.5, suffix=" s"), tr("0 to disable; each poll costs a little CPU time")
        self._number(layout, "phone.watch_s", look, text=tr("Thermal polling interval"), tip=tip)
        tip = tr("Validation images to run on the phone, for agreement and accuracy")
        self._number(layout, "phone.images", IntInput(1, 100_000), text=tr("Images to compare"), tip=tip)
        shape, tip = (
            NumbersInput(placeholder=tr("From the file")),
            tr("If the file lacks it, for example 1, 3, 224, 224"),
        )
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
