"""Query files that are wrong."""

from __future__ import annotations

import pytest

from bulkq.errors import QueryFileError
from bulkq.query import load


def errors(text: str, file: str | None = "users.sql", dialect: str = "postgres") -> list[str]:
    """The lines of the error that `text` gives."""
    with pytest.raises(QueryFileError) as caught:
        load(text, file, dialect)
    return str(caught.value).split("\n")
