"""The list of models with what it is searched, filtered and sorted by."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from pqv_gui.i18n import tr
from pqv_gui.pages.model.model_list import ModelList
from pqv_gui.style.theme import em
from pqv_gui.viewmodels.model_catalog import ModelCatalog
from pqv_gui.widgets.basic_inputs import ComboInput, TextInput
from pqv_gui.widgets.basics import Card, label, row
from pqv_gui.widgets.folding_columns import FoldingColumns

_ALL = ""
_NOTHING = {
    "": "No matching model. Try fewer words or all families.",
    "starred": "No starred model matches. Star a model to keep it here.",
    "recent": "No recent model matches. Models that a project was set to are listed here.",
}


class NetworkCard(Card):
    """What is typed and chosen here changes what ``models`` shows; ``list`` tells which model is chosen."""

    def __init__(self, models: ModelCatalog) -> None:
        super().__init__(tr("Network"))
        self._models = models
        self._families: tuple[str, ...] = ()
        self._orders: dict[str, str] = {}
        self.search = TextInput(placeholder=tr("Search, for example “deit small”"))
        self.search.setAccessibleName(tr("Search the models"))
        self.search.setClearButtonEnabled(True)
        self.family = _combo({_ALL: tr("All families")}, tr("Family"))
        self.only = _combo(
            {_ALL: tr("All models"), "starred": tr("Starred"), "recent": tr("Recently used")}, tr("Which models")
        )
        self.order = _combo({}, tr("Sort by"))
        self.list = ModelList(models)
        self.count = label("", "caption", wrap=True)
        self.figure = label("", "caption")
        self.body.addLayout(self._search_line())
        self.body.addWidget(self._filters())
        self.body.addLayout(self._head())
        self.body.addWidget(self.list, 1)
        self.search.textChanged.connect(lambda _: self._search())
        self.family.changed.connect(lambda _: self._search())
        self.only.changed.connect(models.show_only)
        self.order.changed.connect(models.order_by)

    def _search_line(self) -> QHBoxLayout:
        named = label(tr("&Search"))
        named.setBuddy(self.search)
        line = row(gap=0.5)
        line.addWidget(named)
        line.addWidget(self.search, 1)
        return line

    def _filters(self) -> QWidget:
        which, how = QWidget(), QWidget()
        line = row(which, gap=0.5)
        line.addWidget(self.only, 1)
        line.addWidget(self.family, 1)
        line = row(how, gap=0.5)
        line.addWidget(label(tr("Sort by"), "muted"))
        line.addWidget(self.order, 1)
        return FoldingColumns([(which, 3), (how, 2)], fold_below=26, gap=0.6)

    def _head(self) -> QHBoxLayout:
        """Above the list: how many there are, and what stands at the right of each."""
        line = row(gap=0.5)
        line.addWidget(self.count, 1)
        line.addWidget(self.figure)
        line.setContentsMargins(0, 0, em(times=3), 0)
        return line

    def _search(self) -> None:
        self._models.search(self.search.text(), str(self.family.currentData() or _ALL))

    def begin_anew(self) -> None:
        """All models are listed again; how they are sorted is the person's choice, not the project's."""
        self.search.clear()
        self.family.set_value(_ALL)
        self.only.set_value(_ALL)
        self._models.show_only("")
        self._search()

    def refresh(self, chosen: str) -> None:
        """Show the present state.

        Args:
            chosen: Name of the project's model.
        """
        models = self._models
        if models.families != self._families:
            self._families = models.families
            for family in self._families:
                self.family.addItem(family, family)
        if models.orders != self._orders:
            self._orders = models.orders
            self.order.clear()
            for key, text in self._orders.items():
                self.order.addItem(tr(text), key)
        self.order.set_value(models.order)
        self.list.refresh(chosen)
        self.count.setText(self._state())
        self.figure.setText(tr(models.figure_name))
        self.figure.setVisible(bool(models.shown))

    def _state(self) -> str:
        models = self._models
        if models.error is not None:
            return tr("The model list could not be loaded.")
        if not models.loaded:
            return tr("Loading the model list …")
        if not models.shown:
            return tr(_NOTHING[models.only])
        text = tr("{shown} of {all} models").replace("{shown}", f"{len(models.shown):,}")
        return text.replace("{all}", f"{len(models):,}")


def _combo(options: dict[str, str], name: str) -> ComboInput:
    made = ComboInput(options)
    made.setAccessibleName(name)
    made.setMinimumWidth(em(times=6))
    return made
