"""The drivers that read what libpq reads: its environment, service file and URLs."""

from __future__ import annotations

import re

SCHEMES = ("postgresql", "postgresql+psycopg", "postgresql+psycopg2")


def as_scheme(url: str, scheme: str) -> str:
    """`url` for another driver."""
    return re.sub(r"^[a-z+]+(?=:)", scheme, url)
