"""Write ``resources/licences/THIRD-PARTY.md``: what the program is built on, and under which licences.

Reads what the installed distributions say of themselves, so run it in the environment that ``make setup`` made.
"""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

TARGET = Path(__file__).resolve().parents[1] / "resources" / "licences" / "THIRD-PARTY.md"

HEAD = """# Third-party licences

PQV-Mobile is licensed under the Apache License 2.0 (`LICENSE`). Made by `make licences`.

## Data in `resources/`

The handwritten digits of `resources/demo/` are from the UCI Machine Learning Repository (E. Alpaydin and C. Kaynak,
1998, DOI 10.24432/C50P49) under the Creative Commons Attribution 4.0 International licence (CC BY 4.0); the demo
model's weights are this project's own. `resources/demo/LICENSE.md` says what was changed.

The published accuracies of `resources/imagenet.json` are from timm's `results/results-imagenet.csv` (Apache
License 2.0).

## Programs in `resources/runner/`

They are this project's own, compiled against the headers of the runtimes that they run beside, which are under the
BSD 3-Clause licence (PyTorch; ExecuTorch). Those for x86_64 contain LLVM's unwinder (Apache License 2.0 with LLVM
exceptions).

## Runtimes that are fetched for phones

Only when a phone is measured, from where they are published; they are no part of this repository.

| Archive | Licence |
|---|---|
| `org.pytorch:pytorch_android_lite` | BSD-3-Clause |
| `react-native-executorch` | MIT; the ExecuTorch in it BSD-3-Clause |
| `com.facebook.fbjni:fbjni` | Apache-2.0 |

## Libraries the program is installed with

They come from their own distributions and are not part of this repository. The packages named `nvidia-*`, `cuda-*` and
`triton` come with torch on Linux only. PySide6 and shiboken6 are used under the LGPL-3.0: they are loaded as shared
libraries from their own packages and can be replaced there.

| Library | Version | Licence |
|---|---|---|
"""


def installed_with(root: str) -> dict[str, metadata.Distribution]:
    """The distributions that ``root`` brings on this system, directly or not, by their normalised names."""
    found: dict[str, metadata.Distribution] = {}
    seen: set[str] = set()
    waiting = [Requirement(root)]
    while waiting:
        requirement = waiting.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        distribution = found[normalised(requirement.name)] = metadata.distribution(requirement.name)
        for wanted in map(Requirement, distribution.requires or ()):
            extras = requirement.extras or {""}
            if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(wanted)
    del found[normalised(Requirement(root).name)]
    return found


def normalised(name: str) -> str:
    """The one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(distribution: metadata.Distribution) -> str:
    """What a distribution says of its licence, in a few words."""
    about = distribution.metadata
    expression, text = ("".join(about.get_all(key, [])).strip() for key in ("License-Expression", "License"))
    classifiers = [line.split(" :: ")[-1] for line in about.get_all("Classifier", []) if line.startswith("License ::")]
    in_a_few_words = text if "\n" not in text and len(text) < 60 else ""
    return expression or in_a_few_words or "; ".join(classifiers) or "see the package"


def main() -> None:
    """Write the list."""
    rows = [
        f"| {name} | {distribution.version} | {licence(distribution)} |"
        for name, distribution in sorted(installed_with("pqv-mobile[executorch]").items())
    ]
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
