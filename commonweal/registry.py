"""Map the names used in flags and files to kinds, finding modules on first use."""

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from commonweal.errors import BrokenContract, UnknownName, known

Kind = TypeVar("Kind", bound=Callable[..., Any])


class Registry:
    """Kinds of one sort, each registered under its name by the module that defines it.

    A kind lives in a module of ``package``; nothing lists these modules. Looking up a
    name imports the module called like it, and only when that does not register the
    name, all modules of the package.
    """

    def __init__(self, what: str, package: str) -> None:
        """Serve kinds called ``what`` (``"world"``) from ``package`` (``"commonweal.worlds"``)."""
        self.what = what
        self.package = package
        self._kinds: dict[str, Any] = {}
        self._discovered = False

    def register(self, name: str) -> Callable[[Kind], Kind]:
        """Return a decorator that registers a class or function under ``name``."""
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise BrokenContract(
                f"{self.what} name {name!r} must be lower-case letters, digits and underscores"
            )

        def add(kind: Kind) -> Kind:
            if name in self._kinds:
                raise BrokenContract(
                    f"two {self.what} kinds are named '{name}': {self._place(self._kinds[name])} "
                    f"and {self._place(kind)}"
                )
            self._kinds[name] = kind
            return kind

        return add

    def __getitem__(self, name: str) -> Any:
        """Return the kind called ``name``; an unknown name raises `UnknownName`."""
        if not self._find(name):
            raise UnknownName(f"no {self.what} named {name!r}{known(str(name), self._kinds)}")
        return self._kinds[name]

    def __contains__(self, name: object) -> bool:
        """Say whether a kind called ``name`` exists."""
        return self._find(name)

    def names(self) -> list[str]:
        """Return the names of all kinds, sorted."""
        self._discover()
        return sorted(self._kinds)

    def summary(self, name: str) -> str:
        """Return the first line of the documentation of the kind called ``name``."""
        return (self[name].__doc__ or "").strip().partition("\n")[0].strip()

    def file(self, name: str) -> Path:
        """Return the file that defines the kind called ``name``."""
        return Path(sys.modules[self[name].__module__].__file__)

    def _find(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        if name not in self._kinds and not self._discovered:
            if name.isidentifier() and find_spec(f"{self.package}.{name}"):
                importlib.import_module(f"{self.package}.{name}")
            if name not in self._kinds:
                self._discover()
        return name in self._kinds

    def _discover(self) -> None:
        if not self._discovered:
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__, f"{self.package}."):
                if not module.ispkg:
                    importlib.import_module(module.name)
            self._discovered = True

    @staticmethod
    def _place(kind: Any) -> str:
        return f"{kind.__module__}.{kind.__qualname__}"
