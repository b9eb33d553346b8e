"""Model: which network, its weights, and the images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QImage, QShowEvent
from PySide6.QtWidgets import QFileDialog, QLabel, QWidget

from pqv_core import formatting
from pqv_core.config.data import Scale
from pqv_core.data import brightness, class_order
from pqv_core.data.dataset import Unreadable
from pqv_core.errors import ErrorInfo
from pqv_core.models.catalog import CatalogEntry
from pqv_core.models.sources import DEFAULT
from pqv_core.report import caption
from pqv_gui.charts.pareto_chart import Shown
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages.model import thumbnails
from pqv_gui.pages.model.chosen_card import ChosenCard
from pqv_gui.pages.model.class_order_input import ClassOrderInput
from pqv_gui.pages.model.model_chart import ModelChart
from pqv_gui.pages.model.model_scatter import ModelScatter
from pqv_gui.pages.model.network_card import NetworkCard
from pqv_gui.pages.shared.base_page import FormPage
from pqv_gui.services import pictures
from pqv_gui.viewmodels.image_folders import FolderView
from pqv_gui.widgets.basics import Card, Disclosure, as_tip, button, column, label, restyle
from pqv_gui.widgets.choices import Choice, ChoiceCards
from pqv_gui.widgets.folding_columns import FoldingColumns
from pqv_gui.widgets.list_inputs import ArgumentsInput
from pqv_gui.widgets.number_inputs import IntInput, RealInput
from pqv_gui.widgets.path_input import PathInput

_UNTIL_DRAWN_MS = 15
_LARGE = 1e9  # beyond any value that a person types in for white


class ModelPage(FormPage):
    """The first step of the wizard."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            heading=tr("Model"),
            sentence=tr("Choose a Vision Transformer, its weights and the images."),
        )
        self.models = workspace.models
        self._charted = -1  # revision of the list
        self._entries: Sequence[CatalogEntry] = ()
        self._scatter = ModelScatter(())
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_UNTIL_DRAWN_MS)
        self._soon.timeout.connect(self._draw_chart)
        self._told: ErrorInfo | None = None
        self._pictures: dict[str, tuple[tuple[Path, ...], Scale]] = {}
        self.network = NetworkCard(self.models)
        self.chosen = ChosenCard(workspace)
        known = QWidget()
        layout = column(known, gap=0.8)
        layout.addWidget(self.chosen)
        layout.addWidget(self._chart_card(), 1)
        self.body.addWidget(FoldingColumns([(self.network, 1), (known, 1)], fold_below=44))
        self.body.addWidget(self._weights_card())
        self.body.addWidget(self._images_card())
        for chooser in (self.network.list, self.chart):
            chooser.chosen.connect(self._choose)
        for giver in (self.network.list, self.chosen):
            giver.star_clicked.connect(self._flip_star)
        self.models.listed.subscribe(self._list_changed)
        self.writers += [self.network.list, self.chart.plot, self.choose_folder]
        self.body.addWidget(self._advanced())
        self.body.addStretch(1)

    # parts ---------------------------------------------------------------------------------------------------

    def _chart_card(self) -> Card:
        card = Card()
        self.chart = ModelChart()
        self.chart.saver.failed.connect(self.present)
        self.chart.saver.caption = lambda: caption.words(self.source.text(), caption.program())
        self.source = label("", "caption", wrap=True)
        card.body.addWidget(self.chart, 1)
        card.body.addWidget(self.source)
        return card

    def _weights_card(self) -> Card:
        card = Card(tr("Weights"))
        choices = ChoiceCards(
            [
                Choice("pretrained", tr("&Published"), tr("Pretrained weights, downloaded once from the publisher.")),
                Choice("file", tr("From a f&ile"), tr("Your own .safetensors or .pth file.")),
                Choice("random", tr("Ra&ndom"), tr("For latency and size only; accuracy is meaningless.")),
            ],
            name=tr("Weights"),
            min_width=16,
        )
        self.weights = choices
        card.body.addWidget(self.form.add("model.weights", choices, text=""))
        self.path = PathInput(
            folder=False,
            name=tr("Weights file"),
            filters=tr("Weights (*.safetensors *.pth *.pt *.bin *.tar *.index.json);;All files (*)"),
            shown=self.session.stored,
            start=self._project_folder,
        )
        self.path_field = self.form.add("model.path", self.path, text=tr("&Weights file"))
        card.body.addWidget(self.path_field)
        return card

    def _images_card(self) -> Card:
        card = Card(
            tr("Images"),
            tr("One sub-folder per class. Without images, accuracy is not measured; latency and size are."),
        )
        self.choose_folder = button(
            tr("Choose a folder with train and val …"), self._choose_folder, name=tr("Choose a folder of images")
        )
        card.body.addWidget(self.choose_folder, 0, Qt.AlignmentFlag.AlignLeft)
        self.facts: dict[str, QLabel] = {}
        self.strips: dict[str, thumbnails.Thumbnails] = {}
        splits = []
        for split, text in (("train", tr("&Training images")), ("val", tr("Va&lidation images"))):
            split_column = QWidget()
            layout = column(split_column, gap=0.3)
            editor = PathInput(
                folder=True,
                name=text.replace("&", ""),
                placeholder=tr("No folder"),
                shown=self.session.stored,
                start=self._project_folder,
            )
            layout.addWidget(self.form.add(f"data.{split}", editor, text=text))
            self.facts[split] = label("", "caption", wrap=True)
            self.strips[split] = thumbnails.Thumbnails(tr("Sample images"))
            layout.addWidget(self.facts[split])
            layout.addWidget(self.strips[split])
            layout.addStretch()
            splits.append((split_column, 1))
        card.body.addWidget(FoldingColumns(splits, fold_below=40, gap=1.2))
        self.order = ClassOrderInput(shown=self.session.stored, start=self._project_folder)
        order = self.form.add(
            "data.class_order",
            self.order,
            text=tr("Class &order"),
            hint=tr("Maps class folders to model outputs. Must match the order the weights were trained with."),
        )
        card.body.addWidget(order)
        self.head = label("", wrap=True)
        card.body.addWidget(self.head)
        self.doubt = label("", wrap=True)
        card.body.addWidget(self.doubt)
        return card

    def _advanced(self) -> QWidget:
        card = Card()
        self.form.add(
            "model.arguments",
            ArgumentsInput(),
            text=tr("Model &arguments"),
            hint=tr("Passed to timm.create_model, separated by commas."),
        )
        self.form.add(
            "data.eval_images",
            IntInput(1, 10_000_000, none=tr("All")),
            text=tr("Maxim&um validation images"),
            hint=tr("For the accuracy; spread evenly over the classes."),
            beside=True,
        )
        self.form.add("data.batch_size", IntInput(1, 4096), text=tr("Evaluation &batch"), beside=True)
        self.form.add(
            "data.readers",
            IntInput(0, 64, none=tr("Automatic")),
            text=tr("Reading pro&cesses"),
            hint=tr("Number of prefetching processes for large data sets; does not affect results."),
            beside=True,
        )
        self.form.add(
            "data.white",
            RealInput(-_LARGE, _LARGE, none=tr("By bit depth")),
            text=tr("White level (deep i&mages)"),
            hint=tr("Pixel value of white above 8 bits, for example 4095 for a 12-bit camera."),
            beside=True,
        )
        self.form.add("data.black", RealInput(-_LARGE, _LARGE), text=tr("Blac&k level (deep images)"), beside=True)
        self.form.add(
            "seed",
            IntInput(0, 2**31 - 1),
            text=tr("Random seed"),
            hint=tr("The same seed gives the same run."),
            beside=True,
        )
        self.form.add(
            "data.root",
            PathInput(
                folder=True,
                name=tr("Data set folder"),
                placeholder=tr("The user’s cache"),
                shown=self.session.stored,
                start=self._project_folder,
            ),
            text=tr("Data set folder"),
            hint=tr("Where data sets named in timm’s way, such as torch/cifar10, are stored."),
        )
        for name in (
            "model.arguments",
            "data.eval_images",
            "data.batch_size",
            "data.white",
            "data.black",
            "data.readers",
            "data.root",
            "seed",
        ):
            card.body.addWidget(self.form.field(name))
        self.advanced = Disclosure(tr("More settings"), card)
        return self.advanced

    # what a person does --------------------------------------------------------------------------------------

    def _project_folder(self) -> Path:
        return self.session.path.parent if self.session.path else Path.home()

    def _choose(self, name: str) -> None:
        if name == self.session.get("model.name").partition(".")[0]:
            return
        changes = {"model.source": DEFAULT, "model.name": name, "model.arguments": {}}  # the list is timm's
        entry = self.models.get(name)
        if entry is not None and not entry.pretrained and self.session.get("model.weights") == "pretrained":
            changes["model.weights"] = "random"
        self.session.set_many(changes, label="model.name")

    def _flip_star(self, name: str) -> None:
        if self.models.kept is not None:
            self.models.kept.star(name, name not in self.models.starred)

    def showEvent(self, event: QShowEvent) -> None:
        """Look for latencies that were measured meanwhile."""
        super().showEvent(event)
        if not event.spontaneous():
            self.workspace.read_latencies()

    def hideEvent(self, event: QHideEvent) -> None:
        """A model with which a person goes on is one that was used."""
        super().hideEvent(event)
        name = str(self.session.get("model.name")).partition(".")[0] if self.session.is_open else ""
        if self.models.kept is not None and self.models.get(name) is not None and not event.spontaneous():
            self.models.kept.use(name)

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Choose a folder of images"), str(self._project_folder()))
        if chosen:
            self.banner.hide()
            self.workspace.choose_images(Path(chosen))

    # what is shown -------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the present state."""
        self.workspace.load_catalog()
        super().refresh()
        self._show_error()
        self._show_listed()
        self.chosen.refresh()
        self._show_weights()
        self.path_field.setVisible(self.session.get("model.weights") == "file")
        for split in ("train", "val"):
            self._show_facts(split, self.workspace.images.folders[split])
        self._show_head()
        self._show_doubt()

    def begin_anew(self) -> None:
        """All models are listed again."""
        super().begin_anew()
        self.network.begin_anew()

    def _show_error(self) -> None:
        if self.models.error is not None and self.models.error is not self._told:
            self.present(self.models.error, offers={tr("Try again"): self.workspace.load_catalog})
        self._told = self.models.error

    def _list_changed(self) -> None:
        if self.isVisible():
            self._show_listed()
            self.chosen.refresh()

    def _show_listed(self) -> None:
        self.network.refresh(self.session.get("model.name"))
        self.chart.choose(self.models.charted(self.session.get("model.name")))
        if self.models.loaded and self.models.revision != self._charted:
            self._soon.start()

    def _draw_chart(self) -> None:
        """Draw what is listed and starred now, in a turn of its own, so that no letter waits for it."""
        models = self.models
        if not self.isVisible():
            return
        if models.entries is not self._entries:
            self._entries, self._scatter = models.entries, ModelScatter(models.entries)
        self._charted = models.revision
        chart = self._scatter.chart(listed=models.shown, starred=models.starred)
        self.chart.draw(Shown(chart))
        words = tr("Default weights on ImageNet-1k, known for {n} of {all} models. Source: {source}.")
        words = words.replace("{n}", f"{len(chart.points):,}").replace("{all}", f"{len(models):,}")
        self.source.setText(words.replace("{source}", models.accuracy_source))

    def _show_weights(self) -> None:
        entry = self.models.get(self.session.get("model.name"))
        if entry is not None:
            reason = "" if entry.pretrained else tr("No weights are published for this model.")
            self.weights.set_available("pretrained", reason)
            size = entry.download_bytes
            self.weights.set_note("pretrained", f"≈ {formatting.size(size)}" if size else "")

    def _show_facts(self, split: str, folder: FolderView) -> None:
        text, scale = self.facts[split], self.session.config.data.scale
        dark = brightness.warning(folder.scan.brightest, scale) if folder.scan is not None else ""
        text.setText("" if folder.state == "failed" else f"{tr(folder.sentence)} {tr(dark)}".strip())
        text.setVisible(bool(text.text()))
        restyle(text, tone="good" if folder.state == "ok" and not folder.leaves_out and not dark else "")
        text.setToolTip(as_tip("\n".join(f"{item.name}: {item.reason}" for item in _bad(folder)[:30])))
        pictures = folder.scan.thumbnails if folder.scan is not None else ()
        if self._pictures.get(split, ((), scale)) != (pictures, scale):
            self._pictures[split] = (pictures, scale)
            self._load_pictures(split, pictures, scale)

    def _load_pictures(self, split: str, paths: tuple[Path, ...], scale: Scale) -> None:
        def done(images: list[QImage]) -> None:
            self.strips[split].show_images(images)

        self.workspace.tasks.start(lambda _: pictures.load(paths, scale=scale), done=done, failed=lambda error: None)

    def _show_head(self) -> None:
        classes = self.workspace.images.classes
        entry = self.models.get(self.session.get("model.name"))
        own = self.session.get("model.arguments").get("num_classes") or (entry.num_classes if entry else None)
        self.head.setVisible(classes is not None and own is not None)
        if classes is None or own is None:
            return
        if classes == own:
            words = tr("{n} classes, as the model has: its head is kept.")
        else:
            words = tr("{n} classes: the model’s head for {own} is replaced and must be trained.")
        self.head.setText(words.replace("{n}", f"{classes:,}").replace("{own}", f"{own:,}"))

    def _show_doubt(self) -> None:
        """What to know about the order of classes: of a file's, and where weights bring a head."""
        mind = self.session.get("model.weights") == "file" and self.session.get("data.class_order") == class_order.TEXT
        doubt = self.workspace.images.doubt if mind else self.workspace.images.unseen
        self.doubt.setText(f"⚠ {tr(doubt)}")
        self.doubt.setVisible(bool(doubt))


def _bad(folder: FolderView) -> tuple[Unreadable, ...]:
    return folder.scan.unreadable if folder.scan is not None else ()
