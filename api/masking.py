"""What is personal, and how it is shown to those who may not see it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_TRAITS = frozenset(
    {"address", "avatar", "birthdate", "birthday", "dateofbirth", "dob", "email", "familyname"}
    | {
        "firstname",
        "fullname",
        "givenname",
        "iban",
        "lastname",
        "maidenname",
        "middlename",
        "mobile",
    }
    | {
        "name",
        "nationalid",
        "nickname",
        "passport",
        "phone",
        "phonenumber",
        "postalcode",
        "postcode",
    }
    | {"socialsecuritynumber", "ssn", "street", "surname", "taxid", "username", "website", "zip"}
    | {"zipcode"}
)
_PROPERTIES = _TRAITS - {"avatar", "name", "website"}
"""A page, a product has a name and a title: in properties these words are seldom a person's."""

_ENDINGS = ("mail", "mailaddress", "phone", "phonenumber", "iban")
"""`billing_email`, `contactMail`, `homePhone`: whoever's they are."""

_CONTEXT = frozenset({"externalIds", "ip", "location", "referrer", "traits"})
_CONTEXT_PARTS = {
    "device": frozenset({"id", "advertisingId", "name", "token"}),
    "page": frozenset({"referrer", "search", "url"}),
}
"""An address may carry an e-mail in its query."""

_SEPARATORS = re.compile(r"[\s_\-.\[\]]+")


def personal_trait(name: str) -> bool:
    """Whether the values of that trait are personal, however its words are joined."""
    return _is_personal(name, _TRAITS)


def personal_path(path: str) -> bool:
    """Whether the property at a path such as `products[].buyer.email` is personal, or lies within one
    that is; also where the dots are a part of its name."""
    return any(_is_personal(name, _PROPERTIES) for name in (path, *path.split(".")))


def masked_trait(name: str, value: Any) -> Any:
    return MASK if personal_trait(name) else _masked(value)


def masked_traits(traits: Mapping[str, Any]) -> dict[str, Any]:
    return {name: masked_trait(name, value) for name, value in traits.items()}


def masked_properties(properties: Mapping[str, Any]) -> dict[str, Any]:
    masked: dict[str, Any] = _masked(properties)
    return masked


def _is_personal(name: str, words: frozenset[str]) -> bool:
    joined = _SEPARATORS.sub("", name).lower()
    return joined in words or joined.endswith(_ENDINGS)


def _masked(value: Any) -> Any:
    """What lies within a property or a trait: `{"customer": {"email": …}}` is as personal as an e-mail
    beside it. Values come from the collector, so they are nested 64 levels deep at most."""
    if isinstance(value, Mapping):
        return {
            name: MASK if _is_personal(name, _PROPERTIES) else _masked(inner)
            for name, inner in value.items()
        }
    return [_masked(inner) for inner in value] if isinstance(value, list) else value


def masked_context(context: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _masked_part(name, value) for name, value in context.items()}


def _masked_part(name: str, value: Any) -> Any:
    if name in _CONTEXT:
        return MASK
    hidden = _CONTEXT_PARTS.get(name)
    if hidden is None or not isinstance(value, dict):
        return value
    return {inner: MASK if inner in hidden else kept for inner, kept in value.items()}
