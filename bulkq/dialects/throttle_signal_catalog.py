"""How a database gives the values that throttles read."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Rows = Sequence[tuple[object, ...]]


@frozen(kw_only=True)
class SignalQuery:
    """How one signal is read. In all texts, `{name}`, `{ours}` and `{reader}` are literals.

    Attributes:
        sql: gives one row: the value, and whose it is or NULL; no row: there is nothing to count. `{name}` is the argument of the signal
            or empty, `{ours}` and `{reader}` are the application names of the lanes and of this connection.
        allowed: gives one row with true if the role may see the value; "" if every role may.
        grant: the statement that gives the right, with `{role}`.
        impossible: gives one row with the reason why the server cannot give the signal, or NULL; "" if it always can.
    """

    sql: str
    allowed: str = ""
    grant: str = ""
    impossible: str = ""


@frozen
class PrimaryState:
    """Where the log of a server ends, and which server it is.

    Attributes:
        position: of the log. Positions never fall; they are bytes if `ReplicaCatalog.counts_bytes`.
        identity: of the server; its replicas have, or name, the same.
        timeline: of its log; "" if there are none.
    """

    position: float
    identity: str
    timeline: str = ""


@frozen
class ReplicaState:
    """What a replica has applied.

    Attributes:
        applied: the position of its primary's log that it has applied; 0.0 if it is not known.
        wrong: why it is not, or not any more, a replica that can be waited for; "" if it is.
    """

    applied: float
    wrong: str = ""


@frozen(kw_only=True)
class ReplicaCatalog:
    """How a replica is read that is a target of its own.

    Attributes:
        primary: is asked of the primary.
        identity: gives one row with what names the primary; "" if `primary` does.
        read_primary: makes a state from its rows, and from the identity.
        replica: is asked of the replica.
        read_replica: makes a state from its rows, for a primary.
        counts_bytes: positions are bytes.
    """

    primary: SignalQuery
    read_primary: Callable[[Rows, str], PrimaryState]
    replica: SignalQuery
    read_replica: Callable[[Rows, PrimaryState], ReplicaState]
    identity: str = ""
    counts_bytes: bool = True


@frozen(kw_only=True)
class SignalCatalog:
    """The signals of a database.

    Attributes:
        values: by the name of the signal, those whose value is a number that the server gives.
        replicas: of the signal `lag`: a row for each replica: its name, the number of its connection, the position of the log of this
            server, the position that the replica has applied, when it sent its last answer (in seconds of its own clock), and the
            seconds after which it has to send one. Without replicas one row, whose name is NULL.
        named_replica: of the signal `lag` with the name of a target.
        position: of the signal `wal`: gives one row with the position of the log, in bytes.
        others: of `--nice auto`: a row for each database: its name, the seconds in which its sessions executed statements, the number of
            its transactions, and how many sessions of others on the whole server execute a statement or did in the last second.
    """

    values: Mapping[str, SignalQuery] = field(default_factory=dict)
    replicas: SignalQuery | None = None
    named_replica: ReplicaCatalog | None = None
    position: SignalQuery | None = None
    others: SignalQuery | None = None
