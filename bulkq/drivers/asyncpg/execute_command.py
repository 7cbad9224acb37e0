"""Execute one command outside a transaction, in one round trip, and hear what the server says beside its answer.

The text goes by the simple protocol: a maintenance command may be neither pipelined nor behind another one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from bulkq.dialects import postgresql
from bulkq.drivers.asyncpg.attempt import COMMAND_S, FOREVER_S, MARGIN_S
from bulkq.drivers.asyncpg.translate_errors import translate
from bulkq.model import Limits, Phase
from bulkq.model.maintenance import CommandReply, Notice

if TYPE_CHECKING:
    from bulkq.drivers.asyncpg.extended_connection import AsyncpgSession

HEARD = "SET client_min_messages = notice"
"""A role may have a setting with which the server sends no warnings."""


async def execute_command(
    session: AsyncpgSession, sql: str, *, timeout_s: float | None, lock_timeout_s: float | None, pid: int | None
) -> CommandReply:
    """Execute `sql` and return its messages. The limits stay in the session, and are sent again if they differ.

    Raises:
        DatabaseError: it failed, in phase COMMITTING from when it was sent.
    """
    deadline_s = FOREVER_S if timeout_s is None else timeout_s + MARGIN_S
    limits = _session_limits(timeout_s, lock_timeout_s)
    phase = Phase.PREPARING
    try:
        heard = session.hear()  # refused if the session was lost since its last command
        if session.command_limits != limits:
            await session.execute(limits, timeout=COMMAND_S)
            session.command_limits = limits
        phase = Phase.COMMITTING
        await session.execute(sql, timeout=deadline_s)
    except Exception as error:  # noqa: BLE001 - translated
        idle = await session.recover()
        found = translate(error, phase, idle=idle, pid=pid, deadline_s=deadline_s)
        raise found from (None if found is error else error)
    except BaseException:
        await session.recover()
        raise
    finally:
        session.heard = None
    return CommandReply(notices=tuple(map(notice_of, heard)))


@lru_cache(maxsize=8)  # of a run, all commands have the same
def _session_limits(timeout_s: float | None, lock_timeout_s: float | None) -> str:
    return f"{postgresql.session_limits(Limits(timeout_s=timeout_s, lock_timeout_s=lock_timeout_s))}; {HEARD}"


def notice_of(message: object) -> Notice:
    """A message of the server. Its severity is in English, whatever `lc_messages` is."""
    known = {
        name: getattr(message, name, None) or ""
        for name in ("severity_en", "severity", "sqlstate", "message", "detail")
    }
    text = f"{known['message']} ({known['detail']})" if known["detail"] else known["message"]
    return Notice(known["severity_en"] or known["severity"], known["sqlstate"], text)
