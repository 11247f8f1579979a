"""Rules by which e-mails and phone numbers have several spellings, and such spellings."""

from __future__ import annotations

import msgspec

from graph_schema.model.rules import Equivalent, Form, IdentityRules, Namespace

EMAIL = Equivalent(
    Form.EMAIL, dotless=("gmail.com",), domains=(("googlemail.com", "gmail.com"),)
)  # fmt: skip
PHONE = Equivalent(Form.PHONE, region="DE")

SPELLINGS = (
    "ann.lee@gmail.com", "annlee@gmail.com", "ann.lee+shop@googlemail.com",
    "bob@x.y", "bob+1@x.y", "e0@x.y",
)  # fmt: skip
"""Of three people."""


def with_spellings(rules: IdentityRules) -> IdentityRules:
    """Those rules, under which e-mails and phone numbers have several spellings."""
    ruled = {"email": EMAIL, "phone": PHONE}

    def spelled(space: Namespace) -> Namespace:
        return msgspec.structs.replace(space, equivalent=ruled.get(space.name))

    return msgspec.structs.replace(rules, namespaces=tuple(map(spelled, rules.namespaces)))


def spelled(rules: IdentityRules) -> bool:
    """Whether e-mails have several spellings by those rules."""
    return rules.namespace("email").equivalent is not None
