"""Answer a request to a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError, StoppedError, UsageError
from bulkq.policy.control_request import parse_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.control.steerable import Steerable
    from bulkq.policy.control_request import ControlRequest

NOT_YET = "the run has not begun to execute: try again in a moment"


def answer(text: str | bytes, by: str, run: Steerable | None) -> str:
    """Carry out a request. Return the JSON form of the answer: `ok`, and `error` with `exit` if it is false.

    Args:
        text: the request.
        by: `user@host` of the sender.
        run: the run; None if it cannot be steered yet.
    """
    try:
        return _text(True, **_carry_out(parse_request(text), by, run))
    except BulkqError as error:
        return _text(False, error=str(error), exit=error.exit_code)
    except Exception as error:  # noqa: BLE001 - a request, whatever comes of it, must not end the run
        return _text(False, error=f"the request failed: {type(error).__name__}: {error}", exit=StoppedError.exit_code)


def _text(ok: bool, **fields: object) -> str:
    return json.dumps({"ok": ok, **fields}, ensure_ascii=False)


def _carry_out(request: ControlRequest, by: str, run: Steerable | None) -> Mapping[str, object]:
    """The fields of the answer."""
    if run is None:
        raise UsageError(NOT_YET)
    match request.command:
        case "status":
            return {"status": run.status()}
        case "why":
            return {"reasons": list(run.why())}
        case "get":
            return {"settings": dict(run.settings(request.key))}
        case "set":
            return {"text": run.change(request.settings, by, request.for_s)}
        case "pause":
            return {"text": run.pause(by, request.for_s)}
        case "resume":
            return {"text": run.resume(by)}
        case "drain":
            return {"text": run.drain(by)}
        case _:
            return {"text": run.stop(by)}
