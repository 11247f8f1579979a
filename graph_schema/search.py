"""How text is compared where profiles are searched. Every store keeps the folded text, so that all of
them find the same with nothing but "contains"."""

from __future__ import annotations

import unicodedata

from graph_schema.model.tally import Tally

_BETWEEN = "\n"
"""No folded text has a line break, so no search reaches from one trait into the next."""


def folded(text: str) -> str:
    """Without what makes no difference to a search: case, how accents are composed, and how much
    white space (or NUL) there is."""
    if text.isascii():
        folded_case = text.lower()
    else:
        folded_case = unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
    return " ".join(folded_case.replace("\x00", " ").split())


def trait_text(tally: Tally) -> str:
    """The folded text of all traits that are text, each on its line."""
    return _BETWEEN.join(
        folded(fact.value) for fact in tally.traits.values() if isinstance(fact.value, str)
    )
