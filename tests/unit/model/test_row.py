"""Rows of the Python API."""

from __future__ import annotations

import copy
import pickle

import pytest

from bulkq.model.row import row_class

ROW = row_class({"id": 0, "name": 1})((7, "ada"))


def test_values_are_found_by_place_and_by_name() -> None:
    """As a tuple, as a mapping, as attributes."""
    assert (ROW[0], ROW["name"], ROW.name, ROW[1:]) == (7, "ada", "ada", ("ada",))
    assert list(ROW.keys()) == ["id", "name"]
    assert dict(ROW) == ROW.asdict() == {"id": 7, "name": "ada"}


def test_a_wrong_name_is_told_the_right_ones() -> None:
    """Of a key and of an attribute."""
    with pytest.raises(KeyError, match="'nme' .there are id, name."):
        ROW["nme"]
    with pytest.raises(AttributeError, match="'nme' .there are id, name."):
        _ = ROW.nme


def test_a_copy_keeps_the_names() -> None:
    """Also one that went through pickle."""
    for other in (copy.copy(ROW), pickle.loads(pickle.dumps(ROW))):
        assert other == ROW
        assert other.name == "ada"
