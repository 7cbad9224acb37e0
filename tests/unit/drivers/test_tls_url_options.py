"""Which URLs name another machine."""

from __future__ import annotations

from urllib.parse import quote_plus

import pytest
from sqlalchemy.engine import make_url

from bulkq.drivers.tls_url_options import is_remote


@pytest.mark.parametrize(
    ("url", "remote"),
    [
        ("mysql+pymysql://u@127.0.0.1/d", False),
        ("mysql+pymysql://u@db.example/d", True),
        ("mysql+pyodbc://?odbc_connect=" + quote_plus("DRIVER={MariaDB};SERVER=127.0.0.1;PORT=1"), False),
        ("mysql+pyodbc://?odbc_connect=" + quote_plus("DRIVER={MariaDB}; server = {db.example};PORT=1"), True),
        ("mssql+pyodbc://?odbc_connect=" + quote_plus("Server=tcp:db.example,1433;UID=u"), True),
        ("mysql+pyodbc://?odbc_connect=" + quote_plus("DSN=shop"), False),
    ],
)
def test_a_host_may_stand_in_a_connection_string(url: str, remote: bool) -> None:
    """Of ODBC, the host is in `SERVER`; a DSN does not say it."""
    assert is_remote(make_url(url)) is remote
