"""The canonical form of a value: what all its spellings have in common, by a rule of its namespace.

A key uses only normalisation that can never be wrong. These can be: somebody else may have the address
without the dot. So a form is an identifier of its own, beside those that were named, and links them by
evidence (`EvidenceKind.EQUIVALENT`) that is tried, refused and taken back like any other. Which form a
value has follows from the rule and the value alone.
"""

from __future__ import annotations

import unicodedata

import phonenumbers

from graph_schema.model.rules import Equivalent, Form


def canonical(rule: Equivalent, value: str) -> str | None:
    """The form of a normalised value; None where the rule says nothing about it."""
    match rule.form:
        case Form.EMAIL:
            return _email(rule, value)
        case Form.PHONE:
            return _phone(rule, value)
        case Form.CASE:
            return unicodedata.normalize("NFC", value.casefold()) or None


def known_region(region: str) -> bool:
    """Whether numbers of that country (ISO 3166) can be read."""
    return region in phonenumbers.SUPPORTED_REGIONS


def _email(rule: Equivalent, value: str) -> str | None:
    """A quoted local part is taken as it is written: what is in it means what it says."""
    local, at, domain = value.rpartition("@")
    if not at or '"' in local:
        return None
    domain = domain.lower()
    domain = dict(rule.domains).get(domain, domain)
    local = local.lower()
    if rule.plus_tags:
        local = local.partition("+")[0]
    if domain in rule.dotless:
        local = local.replace(".", "")
    return f"{local}@{domain}" if local and domain else None


def _phone(rule: Equivalent, value: str) -> str | None:
    """Whether the number is in service makes no difference to how it is written, so that it is possible
    is enough. Of one with an extension E.164 names but the switchboard: that is no form of it."""
    try:
        number = phonenumbers.parse(value, rule.region or None)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
