"""The SQL of key ranges: the condition of a range, and the queries that find where ranges end.

No comparison of whole rows: an upper bound that is one reads to the end of its group of the leading columns. Positions
are text; placeholders are those of `KeyRange.values`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import RefusedError
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.dialects.base import Dialect
    from bulkq.dialects.key_conversion import KeyConversion
    from bulkq.model.key_range import KeyColumn, RangeForm, TableKey

LOWER, UPPER = ":bulkq_lo", ":bulkq_hi"


def conversion(dialect: Dialect) -> KeyConversion:
    """The expressions of `dialect`.

    Raises:
        RefusedError: nothing is known of its keys.
    """
    if dialect.keys is None:
        raise RefusedError(f"bulkq cannot cut a table of {quoted(dialect.name)} into ranges of a key")
    return dialect.keys


def condition(key: TableKey, form: RangeForm, dialect: Dialect, alias: str = "") -> str:
    """The condition of a range, in parentheses, with placeholders.

    Args:
        key: the key.
        form: of the range.
        dialect: of the database.
        alias: of the table in the statement, as it is written there; "" for bare column names.
    """
    terms = [*_equal(key, form.level, dialect, alias)]
    terms += [_compared(key.columns[form.level], ">", LOWER, dialect, alias)] if form.lower else []
    terms += [_compared(key.columns[form.level], "<=", UPPER, dialect, alias)] if form.upper else []
    return f"({' AND '.join(terms)})"


def greatest_query(key: TableKey, dialect: Dialect) -> str:
    """The texts of the last row's key; no row if the table is empty."""
    found = conversion(dialect)
    names = [_reference(column, dialect) for column in key.columns]
    texts = [_text(column, dialect, f"bulkq_k{place}") for place, column in enumerate(key.columns)]
    return f"SELECT {', '.join(texts)} FROM {found.table(key)} ORDER BY {', '.join(f'{name} DESC' for name in names)} LIMIT 1"


def row_query(key: TableKey, dialect: Dialect) -> str:
    """The texts of the key of a row that is found by the texts `:bulkq_1`, `:bulkq_2` ...; no row if there is none."""
    texts = [_text(column, dialect, f"bulkq_k{place}") for place, column in enumerate(key.columns)]
    return f"SELECT {', '.join(texts)} FROM {key.table} WHERE {' AND '.join(_equal(key, len(key.columns), dialect))} LIMIT 1"


def count_query(key: TableKey, form: RangeForm, dialect: Dialect) -> str:
    """The number of rows of a range."""
    return f"SELECT count(*) FROM {conversion(dialect).table(key)} WHERE {condition(key, form, dialect)}"


def keys_query(key: TableKey, form: RangeForm, dialect: Dialect) -> str:
    """The keys of the rows of a range, in their order; not their texts."""
    names = ", ".join(dialect.identifier(column.name) for column in key.columns)
    order = ", ".join(_reference(column, dialect) for column in key.columns)
    return (
        f"SELECT {names} FROM {conversion(dialect).table(key)} WHERE {condition(key, form, dialect)} ORDER BY {order}"
    )


def lock_query(key: TableKey, form: RangeForm, dialect: Dialect) -> str:
    """Lock the rows of a range against changes; gives one row."""
    lock = dialect.row_lock.format(table="bulkq_t")
    rows = f"SELECT 1 FROM {key.table} AS bulkq_t WHERE {condition(key, form, dialect, 'bulkq_t')} {lock}"
    return f"SELECT count(*) FROM ({rows}) AS bulkq_rows"


def page_query(key: TableKey, form: RangeForm, rows: int, dialect: Dialect, *, whole: bool = True) -> str:
    """The last of the next rows behind a position: one row, or none if there is no row.

    Its columns are the texts of the key's columns from `form.level` on, its number within the page (from 1), and for each
    of those columns but the last, the number of the first row of the page that has the same values up to this column.
    A number below `rows` says that no row is left. A page is read in the order of the index, and its upper bound is
    compared afterwards: beside a bound, planners expect few rows, and read and sort all of them.

    Args:
        key: the key.
        form: `level` columns are equal to `:bulkq_1` ..., the next one is above `:bulkq_lo` if `lower`, and not above
            `:bulkq_hi` if `upper`.
        rows: in the page, at most.
        dialect: of the database.
        whole: the rows at `:bulkq_hi` belong to the page.
    """
    found = conversion(dialect)
    columns = key.columns[form.level :]
    page = f"{_rows_behind(key, form, dialect)} LIMIT {rows}"
    names = [found.reference(f"bulkq_k{place}", column) for place, column in enumerate(columns)]
    numbers = [f"row_number() OVER (ORDER BY {', '.join(names)}) AS n"]
    numbers += [f"rank() OVER (ORDER BY {', '.join(names[:i])}) AS n{i}" for i in range(1, len(names))]
    upper = f" WHERE {names[0]} {'<=' if whole else '<'} {found.value(UPPER, columns[0])}" if form.upper else ""
    plain = [f"bulkq_k{place}" for place in range(len(columns))]
    numbered = f"SELECT {', '.join([*plain, *numbers])} FROM ({page}) AS p{upper}"
    texts = [found.text(name, column) for name, column in zip(plain, columns, strict=True)]
    results = [*texts, "n", *(f"n{i}" for i in range(1, len(names)))]
    return f"SELECT {', '.join(results)} FROM ({numbered}) AS q ORDER BY n DESC LIMIT 1"


def boundary_query(key: TableKey, form: RangeForm, rows: int, dialect: Dialect) -> str:
    """The text of the last of the next `rows` rows behind a position; no row if there are fewer, or if it is above `:bulkq_hi`.

    For a range of the key's last column, where no group can end within a page. To skip rows of an index takes a fifth of
    the time that `page_query` needs to number them.

    Args:
        key: the key.
        form: as of `page_query`; `level` is that of the last column.
        rows: how many, at least 1.
        dialect: of the database.
    """
    found = conversion(dialect)
    column = key.columns[form.level]
    skipped = f"{_rows_behind(key, form, dialect)} LIMIT 1 OFFSET {rows - 1}"
    upper = f" WHERE {found.reference('bulkq_k0', column)} <= {found.value(UPPER, column)}" if form.upper else ""
    return f"SELECT {found.text('bulkq_k0', column)} FROM ({skipped}) AS p{upper}"


def group_query(key: TableKey, form: RangeForm, dialect: Dialect) -> str:
    """The text of the last group in front of `:bulkq_hi`: of column `form.level`, within the groups of the columns in front of it.

    No row if there is no such group behind `:bulkq_lo`.
    """
    found = conversion(dialect)
    column = key.columns[form.level]
    terms = [*_equal(key, form.level, dialect)]
    terms += [_compared(column, ">", LOWER, dialect)] if form.lower else []
    terms += [_compared(column, "<", UPPER, dialect)]
    order = _reference(column, dialect)
    return f"SELECT {_text(column, dialect, 'bulkq_k0')} FROM {found.table(key)} WHERE {' AND '.join(terms)} ORDER BY {order} DESC LIMIT 1"


def sample_query(key: TableKey, percent: float, parts: int, dialect: Dialect) -> str:
    """The texts of about `parts` keys in their order, with about the same number of rows between them, from a sample of pages.

    Args:
        key: the key.
        percent: of the table's pages.
        parts: how many keys, more if the sample has few rows.
        dialect: of a database that samples tables.
    """
    found = conversion(dialect)
    inner = [f"{dialect.identifier(column.name)} AS bulkq_k{place}" for place, column in enumerate(key.columns)]
    names = [found.reference(f"bulkq_k{place}", column) for place, column in enumerate(key.columns)]
    texts = [found.text(f"bulkq_k{place}", column) for place, column in enumerate(key.columns)]
    plain = ", ".join(f"bulkq_k{place}" for place in range(len(key.columns)))
    sample = f"SELECT {', '.join(inner)} FROM {key.table} {found.sample.format(percent=f'{percent:.6f}')}"
    numbered = f"SELECT {plain}, row_number() OVER (ORDER BY {', '.join(names)}) AS n, count(*) OVER () AS total FROM ({sample}) AS p"
    every = f"(CASE WHEN total >= {parts} THEN total / {parts} ELSE 1 END)"
    return f"SELECT {', '.join(texts)} FROM ({numbered}) AS q WHERE n % {every} = 0 ORDER BY n"


def later_group_query(key: TableKey, level: int, dialect: Dialect) -> str:
    """One row if the group of `:bulkq_1` to `:bulkq_<level + 1>` has rows, and column `level` is above `:bulkq_lo` there."""
    terms = [*_equal(key, level + 1, dialect), _compared(key.columns[level], ">", LOWER, dialect)]
    return f"SELECT 1 FROM {key.table} WHERE {' AND '.join(terms)} LIMIT 1"


def order_of_ends(key: TableKey, texts: Sequence[str], dialect: Dialect) -> str:
    """ORDER BY of positions, without these words: in the order of the key, a position behind all that begin with its texts.

    Args:
        key: the key.
        texts: an expression for the text of each column; NULL where a position has no more columns.
        dialect: of the database.
    """
    found = conversion(dialect)
    pairs = zip(texts, key.columns, strict=True)
    return ", ".join(f"{text} IS NULL, {found.ordered(text, column, key)}" for text, column in pairs)


def _rows_behind(key: TableKey, form: RangeForm, dialect: Dialect) -> str:
    """The columns from `form.level` on, as `bulkq_k0` ..., of the rows behind a position, in their order, without an upper bound."""
    columns = key.columns[form.level :]
    names = [f"{dialect.identifier(column.name)} AS bulkq_k{place}" for place, column in enumerate(columns)]
    terms = [*_equal(key, form.level, dialect)]
    terms += [_compared(columns[0], ">", LOWER, dialect)] if form.lower else []
    where = f" WHERE {' AND '.join(terms)}" if terms else ""
    order = ", ".join(_reference(column, dialect) for column in columns)
    return f"SELECT {', '.join(names)} FROM {conversion(dialect).table(key)}{where} ORDER BY {order}"


def _text(column: KeyColumn, dialect: Dialect, name: str) -> str:
    """The text of a column; with a name that no column has, because ORDER BY prefers names of results."""
    return f"{conversion(dialect).text(dialect.identifier(column.name), column)} AS {name}"


def _reference(column: KeyColumn, dialect: Dialect, alias: str = "") -> str:
    name = dialect.identifier(column.name)
    return conversion(dialect).reference(f"{alias}.{name}" if alias else name, column)


def _compared(column: KeyColumn, operator: str, text: str, dialect: Dialect, alias: str = "") -> str:
    return f"{_reference(column, dialect, alias)} {operator} {conversion(dialect).value(text, column)}"


def _equal(key: TableKey, level: int, dialect: Dialect, alias: str = "") -> Iterable[str]:
    for place, column in enumerate(key.columns[:level], 1):
        yield _compared(column, "=", f":bulkq_{place}", dialect, alias)
