"""What is personal, and how it is shown to those who may not see it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_TRAITS = frozenset(
    {"address", "avatar", "birthday", "dateofbirth", "email", "firstname", "fullname", "lastname"}
    | {"middlename", "mobile", "name", "phone", "phonenumber", "postalcode", "street", "username"}
    | {"website", "zip"}
)
_PROPERTIES = _TRAITS - {"avatar", "name", "website"}
"""A page, a product has a name and a title: in properties these words are seldom a person's."""

_CONTEXT = frozenset({"externalIds", "ip", "location", "referrer", "traits"})
_CONTEXT_PARTS = {
    "device": frozenset({"id", "advertisingId", "name", "token"}),
    "page": frozenset({"referrer", "search", "url"}),
}
"""An address may carry an e-mail in its query."""

_SEPARATORS = re.compile(r"[\s_\-.]+")


def personal_trait(name: str) -> bool:
    """Whether the values of that trait are personal, however its words are joined."""
    return _SEPARATORS.sub("", name).lower() in _TRAITS


def masked_traits(traits: Mapping[str, Any]) -> dict[str, Any]:
    return {name: MASK if personal_trait(name) else value for name, value in traits.items()}


def masked_properties(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: MASK if _SEPARATORS.sub("", name).lower() in _PROPERTIES else value
        for name, value in properties.items()
    }


def masked_context(context: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _masked_part(name, value) for name, value in context.items()}


def _masked_part(name: str, value: Any) -> Any:
    if name in _CONTEXT:
        return MASK
    hidden = _CONTEXT_PARTS.get(name)
    if hidden is None or not isinstance(value, dict):
        return value
    return {inner: MASK if inner in hidden else kept for inner, kept in value.items()}
