"""What GraphQL says of a wrong value, without the value: it may be a person's, and errors are kept."""

from __future__ import annotations

import re

_NOT_REPRESENTED = re.compile(r"( cannot represent [a-z0-9 -]+): .*", re.DOTALL)
_FOUND = re.compile(r"[,;.]? [Ff]ound: .*", re.DOTALL)
_NO_MEMBER = re.compile(r"\bValue '.*' does not exist in", re.DOTALL)
_UNKNOWN_FIELD = re.compile(r"(unknown field )'(?![_A-Za-z]\w*').*", re.DOTALL)
"""A name that GraphQL could have is told: whoever misspelled a field wants to know which."""


def without_values(message: str) -> str:
    """The message of an error that GraphQL itself raised, with no value that was given to it."""
    message = _UNKNOWN_FIELD.sub(r"\1(no name).", message)
    message = _NOT_REPRESENTED.sub(r"\1.", message)
    message = _NO_MEMBER.sub("This value does not exist in", message)
    return _FOUND.sub(".", message)
