"""Answers to requests, whatever the run does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bulkq.control.answer_request import NOT_YET, answer
from bulkq.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Obedient:
    """Says what it was asked for."""

    def status(self) -> Mapping[str, object]:
        return {"run": "01kb"}

    def why(self) -> Sequence[str]:
        return ["one", "two"]

    def pause(self, by: str, for_s: float | None) -> str:
        if for_s == 7.0:
            raise KeyError("x")
        return f"pause {by} {for_s}"

    def resume(self, by: str) -> str:
        raise UsageError(f"{by}: not paused")

    def drain(self, by: str) -> str:
        return f"drain {by}"

    def stop(self, by: str) -> str:
        raise RefusedError(f"{by}: no")

    def change(self, settings: Sequence[str], by: str, for_s: float | None) -> str:
        return f"{','.join(settings)} {by} {for_s}"

    def settings(self, key: str) -> Mapping[str, str]:
        return {key or "all": "1"}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"command": "status"}, {"ok": True, "status": {"run": "01kb"}}),
        ({"command": "why"}, {"ok": True, "reasons": ["one", "two"]}),
        ({"command": "pause", "for": "5s"}, {"ok": True, "text": "pause ann@x 5.0"}),
        ({"command": "pause", "for": "7s"}, {"ok": False, "error": "the request failed: KeyError: 'x'", "exit": 5}),
        ({"command": "resume"}, {"ok": False, "error": "ann@x: not paused", "exit": 2}),
        ({"command": "drain"}, {"ok": True, "text": "drain ann@x"}),
        ({"command": "stop"}, {"ok": False, "error": "ann@x: no", "exit": 4}),
        ({"command": "set", "settings": ["ä=1"]}, {"ok": True, "text": "ä=1 ann@x None"}),
        ({"command": "get"}, {"ok": True, "settings": {"all": "1"}}),
        ({"command": "get", "key": "rate"}, {"ok": True, "settings": {"rate": "1"}}),
    ],
)
def test_every_command_has_its_answer(request_: dict[str, object], expected: dict[str, object]) -> None:
    """The fields depend on the command; an error has its exit code."""
    text = answer(json.dumps(request_), "ann@x", Obedient())
    assert "\n" not in text
    assert json.loads(text) == expected


def test_a_run_that_has_not_begun() -> None:
    """It says so, but a request that is not valid has its own error."""
    assert json.loads(answer('{"command": "pause"}', "ann@x", None))["error"] == NOT_YET
    assert "unknown command" in json.loads(answer('{"command": "x"}', "ann@x", None))["error"]
