"""Which methods of a protocol were called: so that a suite can say that it forgot none."""

from __future__ import annotations

import inspect
from typing import Any


class Recording:
    """Hands everything on, and remembers the names."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.called.add(name)
        return getattr(self._inner, name)


def methods(*protocols: type) -> set[str]:
    """The public methods of protocols, inherited ones too."""
    return {
        name
        for protocol in protocols
        for name, member in inspect.getmembers(protocol)
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
    }
