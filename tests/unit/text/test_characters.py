"""What a person sees of a value."""

from __future__ import annotations

import pytest

from bulkq.text.characters import ShortenedText, escape_non_ascii, look_alike, quote_if_changed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a", "a"),
        ("a b", "a b"),
        ("", '""'),
        ("a ", '"a "'),
        (" a", '" a"'),
        ("NULL", '"NULL"'),
        ("null", '"null"'),
        ('"a"', '""a""'),
        ('say "a"', 'say "a"'),
    ],
)
def test_what_cannot_be_seen_stands_in_quotes(text: str, shown: str) -> None:
    """The empty text, blanks at an end and the letters of NULL are marked; other texts stay as they are."""
    assert quote_if_changed(text, text) == shown


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("a", "a", False),
        ("caf\u00e9", "cafe\u0301", True),
        ("\uff11", "1", True),
        ("p\u0430y", "pay", True),
        ("abc", "abd", False),
        ("abc", "ab", False),
        ("\u00e9a", "\u00e8a", False),
    ],
)
def test_texts_that_look_alike(one: str, other: str, alike: bool) -> None:
    """Composed and decomposed letters, and letters of another script, may be taken for each other."""
    assert look_alike(one, other) is alike
    assert look_alike(other, one) is alike


def test_escapes_tell_them_apart() -> None:
    """Only what is outside ASCII is escaped."""
    assert escape_non_ascii("caf\u00e9 \u0430") == r"caf\xe9 \u0430"


def test_a_shortened_text_says_how_much_it_had() -> None:
    """Its beginning and the rest are there for those who count."""
    text = ShortenedText("a" * 2_000, 10)
    assert text == "aaaaaaaaaa... (1,990 more characters)"
    assert (text.head, text.more) == ("a" * 10, 1_990)
