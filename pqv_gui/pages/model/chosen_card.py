"""The model that is chosen: what it is as the project makes it, what was published of it, and how long it took."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal

from pqv_core import formatting
from pqv_core.errors import ConfigError
from pqv_core.models import predict
from pqv_core.models.catalog import CatalogEntry
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.viewmodels.model_catalog import can_be_cut, cannot_be_cut, latency_words, published_accuracy
from pqv_gui.viewmodels.overview import with_classes
from pqv_gui.widgets.basics import Card, button, label, row

_MOST_LATENCIES = 3
_OTHERS = {"file": "This project uses weights from a file.", "random": "This project uses random weights."}


class ChosenCard(Card):
    """Everything that is known of the project's model; its star can be given and taken."""

    star_clicked = Signal(str)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(gap=0.25)
        self._workspace = workspace
        self._session, self._models = workspace.session, workspace.models
        self.name = label("", "heading", wrap=True)
        self.star = button("", lambda: self.star_clicked.emit(self._plain), kind="link")
        self.star.setCheckable(True)
        self.figures = label("", wrap=True)
        self.accuracy = label("", wrap=True)
        self.latencies = label("", "caption", wrap=True)
        self.weights_info = label("", "muted", wrap=True)
        self.support = label("", wrap=True)
        self.no_support = label("", "caption", wrap=True)
        self.name_problem = label("", "problem", wrap=True)
        self.arguments = label("", "caption", wrap=True)
        line = row(gap=0.6)
        line.addWidget(self.name, 1)
        line.addWidget(self.star, 0, Qt.AlignmentFlag.AlignTop)
        self.body.addLayout(line)
        self._told = (self.figures, self.accuracy, self.weights_info, self.latencies, self.support, self.no_support)
        for part in (*self._told, self.arguments, self.name_problem):
            self.body.addWidget(part)

    @property
    def _plain(self) -> str:
        return str(self._session.get("model.name")).partition(".")[0]

    def refresh(self) -> None:
        """Show the present state."""
        name = self._session.get("model.name")
        entry = self._models.get(name)
        self.name.setText(name)
        self.star.setVisible(entry is not None)
        problem = next((item.message for item in self._workspace.problems if item.field == "model.name"), "")
        self.name_problem.setText(problem)
        self.name_problem.setVisible(bool(problem))
        texts = self._texts(entry, name) if entry is not None else [""] * len(self._told)
        for part, text in zip(self._told, texts, strict=True):
            part.setText(text)
            part.setVisible(bool(text))
        changed = ", ".join(f"{key}={value}" for key, value in self._session.get("model.arguments").items())
        self.arguments.setText(tr("Made with {list}").replace("{list}", changed) if changed else "")
        self.arguments.setVisible(bool(changed) and entry is not None)
        self._show_star()

    def _texts(self, entry: CatalogEntry, name: str) -> list[str]:
        """What stands in each of the labels."""
        known = self._models.known_latencies(name)[:_MOST_LATENCIES]
        return [
            self._figures(entry),
            self._accuracy(entry, name),
            _published(entry),
            "\n".join(latency_words(each) for each in known),
            tr(can_be_cut(entry)),
            tr(cannot_be_cut(entry)),
        ]

    def _accuracy(self, entry: CatalogEntry, name: str) -> str:
        """What is published, and which weights the project has instead of those."""
        published, others = tr(published_accuracy(entry, name)), _OTHERS.get(self._session.get("model.weights"), "")
        return f"{published} {tr(others)}" if published and others else published

    def _show_star(self) -> None:
        starred = self._plain in self._models.starred
        self.star.setChecked(starred)
        self.star.setText(tr("★ Starred") if starred else tr("☆ Star"))
        self.star.setAccessibleName(tr("Starred") if starred else tr("Star this model"))

    def _figures(self, entry: CatalogEntry) -> str:
        """The model as the project's arguments and classes make it, not as it was published."""
        try:
            made = predict.describe(entry, with_classes(self._session.config, self._workspace.images))
        except ConfigError as error:
            return str(error)
        parts = [f"{formatting.count(made.params)} {tr('parameters')}"]
        parts += [formatting.macs(made.macs)] if made.macs is not None else []
        height, width = made.image
        parts.append(f"{height} × {width} × {made.channels}")
        words = " · ".join(parts)
        if made.unheeded:
            names = ", ".join(made.unheeded)
            words += "\n" + tr("As published; the effect of {names} is known after a run.").replace("{names}", names)
        return words


def _published(entry: CatalogEntry) -> str:
    if not entry.pretrained:
        return f"{entry.family} · {tr('no weights published')}"
    count = len(entry.weights)
    words = tr("one set of weights") if count == 1 else tr("{n} sets of weights").replace("{n}", str(count))
    licence = f" · {entry.licence}" if entry.licence else ""
    return f"{entry.family} · {words}{licence}"
