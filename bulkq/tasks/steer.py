"""`bulkq ctl`: find a live run, and send it a request: over its socket, or through its ledger if it works on another host."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bulkq.control import client
from bulkq.control.person import local_person
from bulkq.errors import LedgerError, RefusedError, StoppedError, UsageError
from bulkq.ledger import LedgerMissing, open_ledger, owners
from bulkq.ledger.location import locate
from bulkq.lifecycle.live_control import state_folder
from bulkq.model import RunState
from bulkq.model.counts import Counts, counts_of
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.run_status import Activity, RunStatus, status_object
from bulkq.policy.control_request import request_text
from bulkq.policy.exit_codes import status_of_record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bulkq.ledger.store import StoredLedger
    from bulkq.model import RunRecord
    from bulkq.policy.control_request import ControlRequest

ANSWER_S = 20.0
"""Seconds that an answer through a ledger may take. A run looks into its mailbox once a second, and 30 s after an outage at most."""

LOOK_S = 0.2
MOST_LIVE = 1_000
ANSWERED = {"status", "why", "get", "drain", "stop"}
"""Commands that are answered for a run that has ended: it shows what it came to, or is where the user wants it."""


@frozen
class ControlAnswer:
    """The answer to a request.

    Attributes:
        run: the whole id of the run.
        fields: of the answer, see docs/reference/control.md.
        ended: what the run came to, for people; "" if it is live.
    """

    run: str
    fields: Mapping[str, Any]
    ended: str = ""


async def steer(run: str | None, request: ControlRequest, ledger: str) -> ControlAnswer:
    """Send a request to a run, and return its answer.

    Args:
        run: its id, or the beginning of it; None for the only live run.
        request: what it is to do.
        ledger: where runs are recorded that have no socket here.

    Raises:
        UsageError: there is no such run, none or several are live, or the run does not obey.
        RefusedError: the run must not obey.
        StoppedError: its process does not answer.
        LedgerError: the ledger cannot be read.
    """
    live = await asyncio.to_thread(client.live_runs, state_folder())
    if run is None and locate(ledger).path is not None:  # whose runs are all on this machine
        run = _only(live, {})
    chosen = _chosen(run, live) if run is not None else None
    if chosen is None:
        found = await _in_ledger(run, request, ledger, live)
        if isinstance(found, ControlAnswer):
            return found
        chosen = found
    try:
        answer = await asyncio.to_thread(client.ask, live[chosen], request_text(request))
    except client.RunGone:  # it has ended at this moment
        return await _ended_now(chosen, request, ledger)
    return _accepted(chosen, answer)


def _chosen(text: str, live: Mapping[str, Path]) -> str | None:
    """The live run of this machine whose id is, or alone begins with, `text`."""
    wanted = text.strip().lower()
    found = [one for one in live if one.startswith(wanted)] if wanted else []
    if wanted in found:
        return wanted
    if len(found) > 1:
        raise UsageError(f'"{text}" matches several live runs: {", ".join(found)}: type more of the id')
    return found[0] if found else None


async def _in_ledger(
    run: str | None, request: ControlRequest, url: str, live: Mapping[str, Path]
) -> str | ControlAnswer:
    """The answer of a run that has no socket here, or the only live run."""
    try:
        ledger = await open_ledger(url, create=False)
    except LedgerMissing as error:
        if run is not None:
            raise UsageError(f'no run "{run}" is live on this machine: {error}') from None
        return _only(live, {})
    try:
        if run is not None:
            return await _recorded(ledger, await ledger.find(run), request)
        others = {} if ledger.mailbox is None else await _elsewhere(ledger, live)
        only = _only(live, others)
        return only if only in live else await _recorded(ledger, others[only], request)
    finally:
        await ledger.close()


def _only(live: Mapping[str, Path], others: Mapping[str, RunRecord]) -> str:
    """The only live run.

    Raises:
        UsageError: there is none, or there are several.
    """
    every = [*live, *others]
    if not every:
        raise UsageError("no run is live: bulkq runs lists those that have ended")
    if len(every) > 1:
        raise UsageError(
            f"several runs are live: {', '.join(every)}: name one, for example bulkq ctl {every[0]} status"
        )
    return every[0]


async def _elsewhere(ledger: StoredLedger, live: Mapping[str, Path]) -> dict[str, RunRecord]:
    """The runs of a ledger that are alive and have no socket here."""
    found = await ledger.recent(MOST_LIVE, None, "running")
    return {one.run: one for one in found if one.run not in live and await ledger.owner_alive(one)}


async def _recorded(ledger: StoredLedger, record: RunRecord, request: ControlRequest) -> ControlAnswer:
    """The answer of a run of the ledger: it has ended, or is asked through its mailbox."""
    if record.state is not RunState.RUNNING or not await ledger.owner_alive(record):
        return _ended(record, request)
    where = owners.parse_owner(record.owner)
    if ledger.mailbox is None:
        here = owners.find_liveness(record.owner) is owners.Liveness.ALIVE
        advice = (
            "it was started by another user, with another $XDG_STATE_HOME, or from Python"
            if here
            else "use bulkq ctl there, or record runs in a ledger in PostgreSQL"
        )
        raise UsageError(f"run {record.run} is at work on {where}, and has no socket here: {advice}")
    number = await ledger.mailbox.send(record.run, local_person(), request_text(request))
    end_s = time.monotonic() + ANSWER_S
    try:
        while (answer := await ledger.mailbox.answered(record.run, number)) is None:
            if time.monotonic() > end_s or (await ledger.find(record.run)).state is not RunState.RUNNING:
                break
            await asyncio.sleep(LOOK_S)
    finally:
        answer = await ledger.mailbox.withdraw(record.run, number)
    if answer is not None:
        return _accepted(record.run, json.loads(answer))
    now = await ledger.find(record.run)
    if now.state is not RunState.RUNNING:
        return _ended(now, request)
    raise StoppedError(f"run {record.run} on {where} did not answer within {ANSWER_S:g}s: the command was withdrawn")


async def _ended_now(run: str, request: ControlRequest, url: str) -> ControlAnswer:
    """The answer of a run that has ended after it was found."""
    try:
        ledger = await open_ledger(url, create=False)
        try:
            record = await ledger.find(run)
            if record.state is RunState.RUNNING and await ledger.owner_alive(record):
                raise StoppedError(f"run {run} closed its socket without an answer: try again")
            return _ended(record, request)
        finally:
            await ledger.close()
    except (LedgerError, UsageError):
        raise UsageError(f"run {run} has just ended") from None


def _accepted(run: str, answer: Mapping[str, Any]) -> ControlAnswer:
    """The answer of a run.

    Raises:
        UsageError, RefusedError, StoppedError: it did not obey.
    """
    if answer.get("ok"):
        return ControlAnswer(run, answer)
    error = str(answer.get("error", "its answer cannot be read"))
    kind = {2: UsageError, 4: RefusedError}.get(answer.get("exit", 0), StoppedError)
    raise kind(f"run {run}: {error}")


def _ended(record: RunRecord, request: ControlRequest) -> ControlAnswer:
    """What a run came to.

    Raises:
        UsageError: the request is of no use any more.
    """
    if record.state is RunState.RUNNING:
        text = f"its process has died: bulkq resume {record.run} continues it"
    else:
        counts = " ".join(f"{name}={value}" for name, value in counts_of(record).items() if value or name == "ok")
        text = f"it has ended: status={status_of_record(record)} exit={record.exit_code} {counts}"
    if request.command not in ANSWERED:
        raise UsageError(f"run {record.run} cannot {request.command}: {text}")
    return ControlAnswer(record.run, {"ok": True, "ended": True, "status": status_object(ended_status(record))}, text)


def ended_status(record: RunRecord) -> RunStatus:
    """Return the status of a run that has ended or died, from its record."""
    counts = Counts(**counts_of(record))
    return RunStatus(
        run=record.run,
        name=record.name,
        mode=record.mode,
        process=str(owners.parse_owner(record.owner)),
        started_at=record.started_at,
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        activity=Activity.ENDED,
        elapsed_s=round(record.elapsed_s, 1),
        done=counts.tried,
        counts=counts,
        exit_code=record.exit_code,
        resume=f"bulkq resume {record.run}"
        if record.state is not RunState.FINISHED and record.mode != "check"
        else None,
    )
