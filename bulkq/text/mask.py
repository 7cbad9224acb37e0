"""The mark in place of a secret value, and how secrets are taken out of a text. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "***"


def mask_all(text: str, secrets: Iterable[str]) -> str:
    """`text` with `MASK` in place of each of `secrets`; the longest first, because one may contain another."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text
