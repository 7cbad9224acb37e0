"""pg8000's own look at a statement."""

from __future__ import annotations

import pytest

dbapi = pytest.importorskip("pg8000.dbapi")

from bulkq.drivers.dbapi.adapters.postgresql_pg8000 import WholeText  # noqa: E402


def test_a_statement_passes_as_it_is() -> None:
    """Its marks are the server's, and percent signs stay what they are."""
    text = "select '100%', E'\\\\', $t$ '%s' $t$, 7 % $1 -- %s"
    assert dbapi.convert_paramstyle("format", WholeText(text), (3,)) == (text, (3,))
