"""What is known about the image folders of the project."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pqv_core.data import class_order, dataset
from pqv_core.errors import DataError, ErrorInfo
from pqv_gui.viewmodels.observable import Observable

State = Literal["none", "checking", "ok", "failed"]


@dataclass(frozen=True)
class FolderView:
    """One folder of images as far as it has been looked at."""

    path: Path | None = None
    state: State = "none"
    done: int = 0
    total: int = 0
    scan: dataset.Scan | None = None
    error: ErrorInfo | None = None

    @property
    def leaves_out(self) -> bool:
        """Whether something in it is not used, or may be meant otherwise."""
        return self.scan is not None and bool(self.scan.unreadable or self.scan.remarks)

    @property
    def sentence(self) -> str:
        """What a person reads below the folder's name."""
        if self.state == "checking":
            return f"Scanning images: {self.done:,} of {self.total:,} …" if self.total else "Scanning …"
        if self.state == "failed" and self.error is not None:
            return f"{self.error.message} {self.error.action}".strip()
        if self.scan is None:
            return ""
        counts = self.scan.counts
        each = f"{counts[0]:,}" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,}"
        text = f"{self.scan.total:,} images, {len(self.scan.classes):,} classes, {each} per class."
        bad = len(self.scan.unreadable)
        told = [f"{text} {bad:,} cannot be read and will be skipped." if bad else text]
        return "\n".join([*told, *self.scan.remarks])


@dataclass(frozen=True)
class OrderView:
    """The file with the order of classes, where one is chosen, as far as it has been read."""

    path: Path | None = None
    file: class_order.ClassFile | None = None
    error: ErrorInfo | None = None


class ImageFolders(Observable):
    """Training and validation folder; results of a folder that is no longer the chosen one are dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.order = OrderView()
        self.folders: dict[str, FolderView] = {"train": FolderView(), "val": FolderView()}

    @property
    def train(self) -> FolderView:
        """The training folder."""
        return self.folders["train"]

    @property
    def val(self) -> FolderView:
        """The validation folder."""
        return self.folders["val"]

    @property
    def checking(self) -> bool:
        """Whether a folder is being looked at."""
        return any(folder.state == "checking" for folder in self.folders.values())

    def choose(self, split: str, path: Path | None) -> bool:
        """Note which folder is meant; True when it is another one than before and has to be looked at."""
        if self.folders[split].path == path:
            return False
        self._set(split, FolderView(path, "checking") if path else FolderView())
        return path is not None

    def progressed(self, split: str, path: Path, done: int, total: int) -> None:
        """So many images have been looked at."""
        if self.folders[split].path == path:
            self._set(split, replace(self.folders[split], done=done, total=total))

    def scanned(self, split: str, scan: dataset.Scan) -> None:
        """A folder has been looked at."""
        if self.folders[split].path == scan.folder:
            self._set(split, FolderView(scan.folder, "ok", scan=scan))

    def failed(self, split: str, path: Path, error: ErrorInfo) -> None:
        """A folder cannot be used."""
        if self.folders[split].path == path:
            self._set(split, FolderView(path, "failed", error=error))

    def _set(self, split: str, view: FolderView) -> None:
        self.folders[split] = view
        self.notify()

    def choose_order(self, path: Path | None) -> bool:
        """Note which file has the order of classes; True when it is another one than before and has to be read."""
        if self.order.path == path:
            return False
        self._set_order(OrderView(path))
        return path is not None

    def order_read(self, path: Path, file: class_order.ClassFile) -> None:
        """The file with the order of classes has been read."""
        if self.order.path == path:
            self._set_order(OrderView(path, file=file))

    def order_failed(self, path: Path, error: ErrorInfo) -> None:
        """The file with the order of classes cannot be used."""
        if self.order.path == path:
            self._set_order(OrderView(path, error=error))

    def _set_order(self, view: OrderView) -> None:
        self.order = view
        self.notify()

    @property
    def classes(self) -> int | None:
        """Number of classes, once known; a file may list more than there are images of."""
        scan = self.train.scan or self.val.scan
        if scan is None:
            return None
        try:
            return len(self.order.file.naming(scan.classes) if self.order.file else scan.classes)
        except DataError:  # said by ``order_problem``
            return len(scan.classes)

    @property
    def order_problem(self) -> str:
        """Why the file with the order of classes cannot be used for these images; empty where it can."""
        if self.order.error is not None:
            return f"{self.order.error.message} {self.order.error.action}".strip()
        for folder in self.folders.values():
            try:
                if folder.scan is not None and self.order.file is not None:
                    self.order.file.naming(folder.scan.classes)
            except DataError as error:
                return str(error)
        return ""

    @property
    def unseen(self) -> str:
        """What to know where the file with the order of classes lists some without images; empty where it does not."""
        scan = self.train.scan or self.val.scan
        if scan is None or self.order.file is None or self.order_problem:
            return ""
        return class_order.without_images(self.order.file.naming(scan.classes), scan.classes)

    @property
    def doubt(self) -> str:
        """What to know where text and natural order of the classes differ; empty where they do not."""
        scan = self.train.scan or self.val.scan
        return class_order.doubt(scan.classes) if scan else ""

    @property
    def mismatch(self) -> str:
        """Why the two folders do not go together; empty where they do."""
        if self.train.scan is None or self.val.scan is None:
            return ""
        try:
            dataset.check_pair(self.train.scan.classes, self.val.scan.classes)
        except DataError as error:
            return str(error)
        return ""
