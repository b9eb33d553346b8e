"""Kinds of things that grow in number: each is one file that describes itself, here or in another package.

A registry knows the *descriptions*, which are plain data and cost nothing: what a thing is called, and what it can do.
What it *is* stands behind a dotted path, ``"package.module:Name"``, which is imported where it is needed: torch in the
worker process alone. Ours are the modules of the registry's own package, each with a constant ``INFO``; those of other
packages are entry points (https://packaging.python.org/en/latest/specifications/entry-points/) that name a description.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from typing import Any, ClassVar, Generic, Protocol, TypeVar, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from pqv_core.errors import Cancelled, PluginError, PqvError

_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_LETTERS = 200
_PLACE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class Described(Protocol):
    """What every description has.

    Attributes:
        key: Its name in settings, files and commands: lower-case letters, digits, ``_``, ``.`` and ``-``.
        label: What a person reads.
        order: Its place in lists; those with the least come first, then by key.
        implementation: Where it is made, ``"package.module:Name"``.
    """

    @property
    def key(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def order(self) -> int: ...
    @property
    def implementation(self) -> str: ...


@dataclass(frozen=True)
class Broken:
    """An entry point that gave nothing that can be used.

    Attributes:
        name: Of the entry point.
        package: The distribution that it came with, with its version.
        reason: A clause that says what is wrong.
    """

    name: str
    package: str
    reason: str


Info = TypeVar("Info", bound=Described)
Check = Callable[[Any, Mapping[str, Any]], str]
"""Why a description cannot stand beside those that are there, by key; empty where it can."""


def _anything(info: Any, taken: Mapping[str, Any]) -> str:
    return ""


class Registry(Mapping[str, Info], Generic[Info]):
    """Descriptions of one kind by key, in the order in which they are shown. They are read once, when first asked for.

    Args:
        noun: What one of them is called: ``importance criterion``.
        kind: The class of the descriptions.
        package: Whose modules hold ours.
        group: The entry points that hold those of other packages; empty where these can bring none.
        check: What more than the fields' types is asked of a description of another package.
    """

    def __init__(self, noun: str, kind: type[Info], *, package: str, group: str = "", check: Check = _anything) -> None:
        self.noun, self.group = noun, group
        self._kind, self._package, self._check = kind, package, check

    def __getitem__(self, key: str) -> Info:
        return self._found[0][key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found[0])

    def __len__(self) -> int:
        return len(self._found[0])

    @property
    def broken(self) -> tuple[Broken, ...]:
        """What other packages offer and cannot be used. It is left out."""
        return self._found[1]

    @property
    def foreign(self) -> dict[str, str]:
        """Keys of what other packages brought, and which packages."""
        return self._found[2]

    def load(self, key: str, part: str = "implementation") -> Any:
        """What a description stands for. Imports it.

        Args:
            part: The attribute of the description that says where it is, for kinds that have several.

        Raises:
            KeyError: There is no such key.
            PluginError: It cannot be imported.
        """
        info = self[key]
        module, _, name = getattr(info, part).partition(":")
        with self.blaming(key, "cannot be loaded"):
            return getattr(importlib.import_module(module), name)

    @contextlib.contextmanager
    def blaming(self, key: str, happened: str = "failed") -> Iterator[None]:
        """Say of an error that another package's code lets out which package that is; ours are bugs and stay.

        Args:
            happened: What became of it, as the end of a sentence.

        Raises:
            PluginError: Code of another package raised something that is not for a person.
            Exception: Whatever else was raised.
        """
        try:
            yield
        except (PqvError, Cancelled):
            raise  # in words already, or no error
        except Exception as error:  # another's code may raise anything
            if key not in self.foreign:
                raise
            raise PluginError(
                f"The {self.noun} {self[key].label}, of {self.foreign[key]}, {happened}: {_reason(error)}.",
                action="Update or remove that package, or choose another.",
                details="".join(traceback.format_exception(error)),
            ) from error

    @cached_property
    def _found(self) -> tuple[dict[str, Info], tuple[Broken, ...], dict[str, str]]:
        found = {info.key: info for info in self._ours()}
        broken, foreign = [], {}
        points = metadata.entry_points(group=self.group) if self.group else ()
        for point in sorted(points, key=lambda point: point.name):
            package = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
            info, reason = self._offered(point, found)
            if info is None:
                broken.append(Broken(point.name, package, reason))
            else:
                found[info.key], foreign[info.key] = info, package
        ordered = sorted(found.values(), key=lambda info: (info.order, info.key))
        return {info.key: info for info in ordered}, tuple(broken), foreign

    def _ours(self) -> Iterator[Info]:
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            info = getattr(importlib.import_module(f"{self._package}.{module.name}"), "INFO", None)
            if isinstance(info, self._kind):
                yield info

    def _offered(self, point: metadata.EntryPoint, taken: Mapping[str, Info]) -> tuple[Info | None, str]:
        """The description that an entry point names, or why there is none."""
        if not _PLACE.fullmatch(point.value):
            return None, f"{point.value!r} does not name a description as 'package.module:NAME'"
        try:
            with contextlib.redirect_stdout(sys.stderr):  # standard output may be JSON lines
                info = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - another's code: told in ``broken``
            return None, _reason(error)
        if not isinstance(info, self._kind):
            return None, f"{point.value} is no {self._kind.__module__}.{self._kind.__qualname__}"
        if wrong := _wrong_field(info, self._kind):
            return None, wrong
        if not _KEY.fullmatch(info.key):
            return None, f"{info.key!r} is no key: lower-case letters, digits, '_', '.' and '-'"
        if info.key in taken:
            return None, f"there is a {self.noun} {info.key!r} already"
        if not _PLACE.fullmatch(info.implementation):
            return None, f"{info.implementation!r} does not name an implementation as 'package.module:Name'"
        reason = self._check(info, taken)
        return (None, reason) if reason else (info, "")


def _wrong_field(info: object, kind: type) -> str:
    """The first field of a description that does not hold what its class says; empty where there is none."""
    for name, hint in get_type_hints(kind).items():
        expected = get_args(hint)[0] if get_origin(hint) is ClassVar else hint
        try:
            value = getattr(info, name)
            TypeAdapter(expected, config=ConfigDict(strict=True, arbitrary_types_allowed=True)).validate_python(value)
        except AttributeError:
            return f"it has no {name}"
        except ValidationError as error:
            return f"its {name} cannot be {value!r}: {error.errors()[0]['msg'].lower()}"[:_LETTERS]
        if isinstance(value, str) and not value.isprintable():
            return f"its {name} is not one line of printable text: {value!r}"[:_LETTERS]
    return "" if getattr(info, "label", "").strip() else "its label is empty"


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())[:_LETTERS].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
