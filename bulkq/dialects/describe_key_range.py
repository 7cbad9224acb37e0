"""The condition of a key range with its values, for people who look for its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.key_ranges import conversion

if TYPE_CHECKING:
    from bulkq.dialects.base import Dialect
    from bulkq.model.key_range import KeyColumn, KeyRange, TableKey

BARE = ("int", "num", "dec", "serial", "real", "double", "float")
"""Parts of the names of types whose values are written without quotes."""


def range_text(key: TableKey, wanted: KeyRange, dialect: Dialect) -> str:
    """The condition of a range as it can be typed behind WHERE: `"a" = 3 AND "b" > 'x'`."""
    form = wanted.form
    column = key.columns[form.level]
    equal = zip(key.columns, wanted.upto[: form.level], strict=False)
    terms = [f"{dialect.identifier(one.name)} = {_literal(text, one, dialect)}" for one, text in equal]
    name = dialect.identifier(column.name)
    terms += [f"{name} > {_literal(wanted.after[form.level], column, dialect)}"] if form.lower else []
    terms += [f"{name} <= {_literal(wanted.upto[form.level], column, dialect)}"] if form.upper else []
    return " AND ".join(terms)


def _literal(text: str, column: KeyColumn, dialect: Dialect) -> str:
    own = conversion(dialect).literal

    def quote(value: str) -> str:
        return dialect.literal(value) if "\\" in value else "'" + value.replace("'", "''") + "'"

    if own is not None:
        return own(text, quote)
    return text if any(word in column.type.lower() for word in BARE) else quote(text)
