"""Names of types as forms of columns."""

from __future__ import annotations

import pytest

from bulkq.model.parse_column_type_name import TEXT, VALUES, ColumnForm, FormKind, column_form


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("", VALUES),
        ("bigint", ColumnForm(FormKind.INT64)),
        ("BIGINT", ColumnForm(FormKind.INT64)),
        ("bigint unsigned", ColumnForm(FormKind.UINT64)),
        ("oid", ColumnForm(FormKind.UINT32)),
        ("numeric(20,4)", ColumnForm(FormKind.DECIMAL, 20, 4)),
        ("decimal(18, 3)", ColumnForm(FormKind.DECIMAL, 18, 3)),
        ("numeric(5)", ColumnForm(FormKind.DECIMAL, 5, 0)),
        ("numeric(5,-2)", ColumnForm(FormKind.DECIMAL, 7, 0)),
        ("numeric(2,4)", ColumnForm(FormKind.DECIMAL, 4, 4)),
        ("numeric(76,1)", ColumnForm(FormKind.DECIMAL, 76, 1)),
        ("numeric(77,1)", ColumnForm(FormKind.TEXT, notice="more than 76 digits")),
        ("numeric", ColumnForm(FormKind.TEXT, notice="no declared precision")),
        ("hugeint", ColumnForm(FormKind.DECIMAL, 39)),
        ("timestamp(3) with time zone", ColumnForm(FormKind.INSTANT)),
        ("timestamp without time zone", ColumnForm(FormKind.TIMESTAMP)),
        ("time without time zone", ColumnForm(FormKind.TIME)),
        ("time with time zone", TEXT),
        ("character varying(20)", TEXT),
        ("interval", TEXT),
        ("public.mood", TEXT),
        ("box[]", TEXT),
        ("integer[]", ColumnForm(FormKind.LIST, items=ColumnForm(FormKind.INT32))),
        ("integer[3]", ColumnForm(FormKind.LIST, items=ColumnForm(FormKind.INT32))),
        ("text[][]", ColumnForm(FormKind.LIST, items=ColumnForm(FormKind.LIST, items=TEXT))),
        (
            "numeric[]",
            ColumnForm(
                FormKind.LIST,
                items=ColumnForm(FormKind.TEXT, notice="no declared precision"),
                notice="no declared precision",
            ),
        ),
    ],
)
def test_form(name: str, form: ColumnForm) -> None:
    """The name decides, whatever its case and spaces."""
    assert column_form(name) == form
