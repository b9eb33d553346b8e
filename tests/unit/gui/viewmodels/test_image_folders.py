"""What the Model page says of the file with the order of classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqv_core.data import class_order, dataset
from pqv_gui.viewmodels.image_folders import ImageFolders


@pytest.mark.parametrize(
    ("lines", "said"),
    [("cat\ndog\n", ""), ("# mine\ncat\ndog\n", "# mine"), ("cat\n", "")],
    ids=["all", "more", "less"],
)
def test_classes_of_a_file_that_have_no_images_are_named(tmp_path: Path, lines: str, said: str) -> None:
    (tmp_path / "order.txt").write_text(lines)
    images = ImageFolders()
    images.choose("train", tmp_path)
    images.scanned("train", dataset.Scan(tmp_path, ("cat", "dog"), (1, 1), (), ()))
    images.choose_order(tmp_path / "order.txt")
    images.order_read(tmp_path / "order.txt", class_order.read(tmp_path / "order.txt"))

    assert said in images.unseen and bool(said) == bool(images.unseen)
