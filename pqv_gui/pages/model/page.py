"""Model: which network, its weights, and the images."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QLabel, QWidget

from pqv_core import formatting
from pqv_core.config.data import Scale
from pqv_core.data import brightness, class_order
from pqv_core.data.dataset import Unreadable
from pqv_core.errors import ConfigError
from pqv_core.models import predict
from pqv_core.models.catalog import CatalogEntry
from pqv_core.models.sources import DEFAULT
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages.model import thumbnails
from pqv_gui.pages.model.class_order_input import ClassOrderInput
from pqv_gui.pages.model.model_list import ModelList
from pqv_gui.pages.shared.base_page import FormPage
from pqv_gui.style.theme import em
from pqv_gui.viewmodels.image_folders import FolderView
from pqv_gui.viewmodels.model_catalog import can_be_cut, cannot_be_cut
from pqv_gui.viewmodels.overview import with_classes
from pqv_gui.widgets.basic_inputs import ComboInput, TextInput
from pqv_gui.widgets.basics import Card, Disclosure, button, column, label, restyle, row
from pqv_gui.widgets.choices import Choice, ChoiceCards
from pqv_gui.widgets.folding_columns import FoldingColumns
from pqv_gui.widgets.list_inputs import ArgumentsInput
from pqv_gui.widgets.number_inputs import IntInput, RealInput
from pqv_gui.widgets.path_input import PathInput

_ALL = ""
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
        self._families: tuple[str, ...] = ()
        self._pictures: dict[str, tuple[tuple[Path, ...], Scale]] = {}
        self.body.addWidget(FoldingColumns([(self._list_card(), 3), (self._weights_card(), 2)], fold_below=44))
        self.body.addWidget(self._images_card())
        self.writers += [self.list, self.choose_folder]
        self.body.addWidget(self._advanced())
        self.body.addStretch(1)

    # parts ---------------------------------------------------------------------------------------------------

    def _list_card(self) -> Card:
        card = Card(tr("Network"))
        self.search = TextInput(placeholder=tr("Search, for example “deit small”"))
        self.search.setAccessibleName(tr("Search the models"))
        self.search.setClearButtonEnabled(True)
        self.family = ComboInput({_ALL: tr("All families")})
        self.family.setAccessibleName(tr("Family"))
        self.family.setMaximumWidth(em(times=12))
        self.count = label("", "caption")
        self.list = ModelList()
        search_label = label(tr("&Search"))
        search_label.setBuddy(self.search)
        line = row(gap=0.5)
        line.addWidget(search_label)
        line.addWidget(self.search, 1)
        line.addWidget(self.family)
        card.body.addLayout(line)
        card.body.addWidget(self.list, 1)
        card.body.addWidget(self.count)
        self.search.textChanged.connect(lambda _: self._search())
        self.family.changed.connect(lambda _: self._search())
        self.list.chosen.connect(self._choose)
        return card

    def _weights_card(self) -> QWidget:
        holder = QWidget()
        layout = column(holder, gap=0.8)
        self.chosen = Card(gap=0.25)
        self.name = label("", "heading", wrap=True)
        self.figures = label("", wrap=True)
        self.weights_info = label("", "muted", wrap=True)
        self.support = label("", wrap=True)
        self.no_support = label("", "caption", wrap=True)
        self.name_problem = label("", "problem", wrap=True)
        self.arguments = label("", "caption", wrap=True)
        shown = (self.figures, self.weights_info, self.support, self.no_support, self.arguments, self.name_problem)
        for part in (self.name, *shown):
            self.chosen.body.addWidget(part)
        layout.addWidget(self.chosen)
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
        layout.addWidget(card)
        layout.addStretch()
        return holder

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
            text=tr("Images for acc&uracy"),
            hint=tr("Maximum number of validation images, spread evenly over the classes."),
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

    def _search(self) -> None:
        self.models.search(self.search.text(), str(self.family.currentData() or _ALL))

    def _choose(self, name: str) -> None:
        if name == self.session.get("model.name").partition(".")[0]:
            return
        changes = {"model.source": DEFAULT, "model.name": name, "model.arguments": {}}  # the list is timm's
        entry = self.models.get(name)
        if entry is not None and not entry.pretrained and self.session.get("model.weights") == "pretrained":
            changes["model.weights"] = "random"
        self.session.set_many(changes, label="model.name")

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
        self._show_list()
        self._show_chosen()
        self.path_field.setVisible(self.session.get("model.weights") == "file")
        for split in ("train", "val"):
            self._show_facts(split, self.workspace.images.folders[split])
        self._show_head()
        self._show_doubt()

    def begin_anew(self) -> None:
        """All models are listed again."""
        super().begin_anew()
        self.search.clear()
        self.family.set_value(_ALL)
        self._search()

    def _show_list(self) -> None:
        if self.models.families != self._families:
            self._families = self.models.families
            for family in self._families:
                self.family.addItem(family, family)
        self.list.show_rows(self.models.shown, self.models.position(self.session.get("model.name")))
        if self.models.error is not None:
            self.present(self.models.error)
        elif not self.models.loaded:
            self.count.setText(tr("Loading the model list …"))
        elif not self.models.shown:
            self.count.setText(tr("No matching model. Try fewer words or all families."))
        else:
            text = tr("{shown} of {all} models").replace("{shown}", f"{len(self.models.shown):,}")
            self.count.setText(text.replace("{all}", f"{len(self.models):,}"))

    def _show_chosen(self) -> None:
        name = self.session.get("model.name")
        entry = self.models.get(name)
        self.name.setText(name)
        problem = next((item.message for item in self.workspace.problems if item.field == "model.name"), "")
        self.name_problem.setText(problem)
        self.name_problem.setVisible(bool(problem))
        self.figures.setVisible(entry is not None)
        self.weights_info.setVisible(entry is not None)
        self.support.setText(tr(can_be_cut(entry)) if entry is not None else "")
        self.no_support.setText(tr(cannot_be_cut(entry)) if entry is not None else "")
        for part in (self.support, self.no_support):
            part.setVisible(bool(part.text()))
        if entry is not None:
            self._show_figures(entry)
            changed = ", ".join(f"{key}={value}" for key, value in self.session.get("model.arguments").items())
            self.arguments.setText(tr("Made with {list}").replace("{list}", changed) if changed else "")
            self.arguments.setVisible(bool(changed))
            self.weights_info.setText(_published(entry))
            reason = "" if entry.pretrained else tr("No weights are published for this model.")
            self.weights.set_available("pretrained", reason)
            size = entry.download_bytes
            self.weights.set_note("pretrained", f"≈ {formatting.size(size)}" if size else "")

    def _show_figures(self, entry: CatalogEntry) -> None:
        """The model as the project's arguments and classes make it, not as it was published."""
        try:
            made = predict.describe(entry, with_classes(self.session.config, self.workspace.images))
        except ConfigError as error:
            self.figures.setText(str(error))
            return
        parts = [f"{formatting.count(made.params)} {tr('parameters')}"]
        parts += [formatting.macs(made.macs)] if made.macs is not None else []
        height, width = made.image
        parts.append(f"{height} × {width} × {made.channels}")
        words = " · ".join(parts)
        if made.unheeded:
            names = ", ".join(made.unheeded)
            words += "\n" + tr("As published; the effect of {names} is known after a run.").replace("{names}", names)
        self.figures.setText(words)

    def _show_facts(self, split: str, folder: FolderView) -> None:
        text, scale = self.facts[split], self.session.config.data.scale
        dark = brightness.warning(folder.scan.brightest, scale) if folder.scan is not None else ""
        text.setText("" if folder.state == "failed" else f"{tr(folder.sentence)} {tr(dark)}".strip())
        text.setVisible(bool(text.text()))
        restyle(text, tone="good" if folder.state == "ok" and not folder.leaves_out and not dark else "")
        text.setToolTip("\n".join(f"{item.name}: {item.reason}" for item in _bad(folder)[:30]))
        pictures = folder.scan.thumbnails if folder.scan is not None else ()
        if self._pictures.get(split, ((), scale)) != (pictures, scale):
            self._pictures[split] = (pictures, scale)
            self._load_pictures(split, pictures, scale)

    def _load_pictures(self, split: str, paths: tuple[Path, ...], scale: Scale) -> None:
        def done(images: list[QImage]) -> None:
            self.strips[split].show_images(images)

        self.workspace.tasks.start(lambda _: thumbnails.load(paths, scale=scale), done=done, failed=lambda error: None)

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


def _published(entry: CatalogEntry) -> str:
    if not entry.pretrained:
        return f"{entry.family} · {tr('no weights published')}"
    count = len(entry.weights)
    words = tr("one set of weights") if count == 1 else tr("{n} sets of weights").replace("{n}", str(count))
    licence = f" · {entry.licence}" if entry.licence else ""
    return f"{entry.family} · {words}{licence}"
