"""Key columns of PostgreSQL as text. What the server makes of it is in `tests/integration/test_key_cutter.py`."""

from __future__ import annotations

from bulkq.dialects.postgresql_key_conversion import KEYS
from bulkq.model.key_range import KeyColumn, TableKey

ODD = KeyColumn('a"b', "text", '"C"')


def test_a_parameter_has_the_type_of_its_key() -> None:
    """A column that gets a type of another order makes the statement fail."""
    assert KEYS.value(":bulkq_lo", ODD) == ":bulkq_lo::text"


def test_dates_do_not_depend_on_settings() -> None:
    """Only ISO 8601 leads back under every DateStyle."""
    assert KEYS.text("d", KeyColumn("d", "timestamp with time zone")) == "(to_json(d) #>> '{}')"
    assert KEYS.text("d", KeyColumn("d", "numeric")) == "(d)::text"


def test_ends_have_the_collation_of_the_column() -> None:
    """A text of the table of ranges has that of the database; beside a value of the column it has the column's."""
    assert KEYS.ordered("u1", ODD, TableKey("t", (ODD,))) == (
        'coalesce((SELECT "a""b" COLLATE "C" FROM t LIMIT 0), u1::text)'
    )


def test_boundaries_are_not_compiled() -> None:
    """Before PostgreSQL 18, a plan with a node that is switched off costs 10^10, so a server with JIT would compile each boundary."""
    assert "'enable_sort'" in KEYS.settings
    assert "'jit'" in KEYS.settings
