"""Moments: ISO texts of the ledger and reports, as output shows them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime


def parse_utc(text: str) -> datetime | None:
    """The moment that an ISO text names, in UTC, which is meant where it names no zone; None where it names no moment."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def moment_text(text: str) -> str:
    """`2026-11-22 13:05:10Z` of an ISO moment in UTC."""
    return f"{text[:19].replace('T', ' ')}Z"
