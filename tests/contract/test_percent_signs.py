"""A percent sign in a statement with parameters reaches the database once, wherever it stands and whichever the library."""

from __future__ import annotations

import pytest

from bulkq.drivers import open_driver
from bulkq.model import Decoding, Limits
from bulkq.query import inline
from tests.support.databases import DRIVERS, KINDS, fresh
from tests.support.servers import passwords

MORE = {"pg8000": ("postgresql+pg8000", "postgresql"), "mysql.connector": ("mysql+mysqlconnector", "mariadb")}
"""Libraries that the other suites do not run over: their marks have a percent sign, and two of them stay two."""

LIBRARIES = {name: (driver.scheme, driver.kind) for name, driver in DRIVERS.items()} | MORE


@pytest.mark.parametrize("name", LIBRARIES)
async def test_percent_signs(request: pytest.FixtureRequest, name: str) -> None:
    """In literals, quoted names and comments, as an operator, and in a value; a parameter may stand there twice."""
    if name in MORE:
        pytest.importorskip(name)
    scheme, kind = LIBRARIES[name]
    url = fresh(kind, request).url(scheme)
    if name == "pg8000":  # it reads no password file
        url = url.replace("://postgres@", f"://postgres:{passwords.of('postgres')}@")
    dialect = KINDS[kind].dialect
    quote = "`" if dialect == "mysql" else '"'
    text = f"select '100%' as a, 'it''s %' as b, 7 % 4 as {quote}c%d{quote} /* 5%d '%' */, :v as d, :v as e from (select 1) as f where 'x' <> :v -- 9%"
    connection = await open_driver(url, application_name="x", read_only=True).connect()
    try:
        statement = await connection.prepare(inline(text, dialect), Decoding.TEXT, typed=True, identifiers={})
        reply = await connection.attempt(statement, [("%s%%",), ("%",)], Limits(timeout_s=20))
    finally:
        await connection.close()
    assert [column.name for column in reply.columns] == ["a", "b", "c%d", "d", "e"]
    assert [[str(value) for value in column] for column in reply.values] == [
        ["100%"] * 2,
        ["it's %"] * 2,
        ["3"] * 2,
        ["%s%%", "%"],
        ["%s%%", "%"],
    ]
