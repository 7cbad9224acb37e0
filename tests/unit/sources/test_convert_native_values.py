"""Values of typed files for targets that convert nothing, and their texts for those that do."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bulkq.model import Parameter
from bulkq.sources.convert_native_values import as_text
from bulkq.sources.convert_texts import ConversionError, choose_converter


@pytest.mark.parametrize(
    ("declared", "value", "wanted"),
    [
        ("bigint", 5, 5),
        ("bigint", Decimal(5), 5),
        ("bigint", True, 1),
        ("bigint", "5", 5),
        ("bigint", None, None),
        ("real", 1, 1),
        ("boolean", True, True),
        ("boolean", "yes", 1),
        ("bytea", b"x", b"x"),
        ("text", 5, 5),
    ],
)
def test_declared(declared: str, value: object, wanted: object) -> None:
    """A value of the declared type stays as it is; a text is converted."""
    convert = choose_converter(Parameter("a", type=declared), text=False, plain=False, typed=True)
    assert (convert([value]) if convert else [value]) == [wanted]


@pytest.mark.parametrize(
    ("declared", "value"),
    [("bigint", 1.5), ("bigint", datetime(2026, 1, 1, tzinfo=UTC)), ("real", b"x"), ("bytea", 5), ("bigint", "x")],
)
def test_another_type(declared: str, value: object) -> None:
    """A value of another type is an error that names the declared one."""
    convert = choose_converter(Parameter("a", type=declared), text=False, plain=False, typed=True)
    assert convert is not None
    with pytest.raises(ConversionError, match="is not a"):
        convert([value])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("a", "a"),
        (True, "true"),
        (Decimal("1.10"), "1.10"),
        (["a", Decimal("1.10")], '["a","1.10"]'),
        (b"\x00", "\\x00"),
    ],
)
def test_texts(value: object, text: str | None) -> None:
    """A list becomes JSON, which a database with arrays reads."""
    assert as_text(value) == text
