"""What GraphQL says of a wrong value, without the value."""

from __future__ import annotations

import pytest

from api.untold import without_values


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            "Variable '$f' has invalid value: Int cannot represent non-integer value: 'a@b.c'",
            "Variable '$f' has invalid value: Int cannot represent non-integer value.",
        ),
        (
            "Enum 'E' cannot represent non-string value: ['found: x']. Did you mean 'y'?",
            "Enum 'E' cannot represent non-string value.",
        ),
        (
            "Value 'it's x' does not exist in 'y'' does not exist in 'ProfileOrder' enum.",
            "This value does not exist in 'ProfileOrder' enum.",
        ),
        (
            "Expected value of type 'I' not to include unknown field 'valeu', found: {'valeu': 1}.",
            "Expected value of type 'I' not to include unknown field 'valeu'.",
        ),
        (
            "Expected value of type 'I' not to include unknown field 'a@b.c', found: {'a@b.c': 1}.",
            "Expected value of type 'I' not to include unknown field (no name).",
        ),
        (
            "Expected value of type 'I' to include required field 'value', found: {\n  x: 1\n}.",
            "Expected value of type 'I' to include required field 'value'.",
        ),
        ("Expected value of type 'I' to be an object, found: 'a@b.c'.",
         "Expected value of type 'I' to be an object."),
        ("Cannot query field 'x' on type 'Query'.", "Cannot query field 'x' on type 'Query'."),
        ("first must be between 1 and 100.", "first must be between 1 and 100."),
    ],
)  # fmt: skip
def test_the_place_is_told_and_the_value_is_not(message: str, told: str) -> None:
    assert without_values(message) == told
