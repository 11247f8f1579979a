"""Half characters: JavaScript writes them as lone escapes (a text cut inside an emoji), which are no
Unicode and make no UTF-8."""

from __future__ import annotations

import re

REPLACEMENT = "\ufffd"

# In turn: a whole pair, half of one, any other escape. Each escape is taken whole, so the backslash
# of `\\ud800` is not mistaken for the beginning of a half.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\."
)


def whole(text: bytes) -> bytes:
    """JSON with each lone surrogate replaced by U+FFFD, as every other reader shows it."""
    return _ESCAPE.sub(lambda found: b"\\ufffd" if found["half"] else found[0], text)
