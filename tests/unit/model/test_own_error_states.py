"""bulkq's own states: no number has two meanings, and every one is in the table and in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import bulkq
from bulkq.model import own_error_states

PACKAGE = Path(bulkq.__file__).parent
DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "exit-codes.md"
CODE = re.compile(r"\bBQ\d{3}\b")


def constants() -> dict[str, str]:
    """Every constant of the module that is a text, by name."""
    return {name: value for name, value in vars(own_error_states).items() if name.isupper() and isinstance(value, str)}


def test_no_two_constants_are_equal() -> None:
    """Each state has a number of its own and one meaning."""
    found = constants()
    assert len(set(found.values())) == len(found)
    assert set(found.values()) == set(own_error_states.MEANINGS)
    assert len(set(own_error_states.MEANINGS.values())) == len(own_error_states.MEANINGS)


def test_states_are_written_in_one_module() -> None:
    """No other module writes a number, so none can give it a second meaning."""
    for path in PACKAGE.rglob("*.py"):
        if path.name != "own_error_states.py":
            assert not CODE.findall(path.read_text(encoding="utf-8")), path


def test_the_document_has_the_same_table() -> None:
    """docs/reference/exit-codes.md lists every state with its meaning."""
    rows = re.findall(r"^\| `(BQ\d{3})` \| (.+) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(rows) == own_error_states.MEANINGS
    assert len(rows) == len(own_error_states.MEANINGS)
