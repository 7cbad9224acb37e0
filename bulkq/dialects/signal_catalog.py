"""How a database gives the values that throttles read."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.model.dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


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


@frozen(kw_only=True)
class SignalCatalog:
    """The signals of a database.

    Attributes:
        values: by the name of the signal, those whose value is a number that the server gives.
        replicas: of the signal `lag`: a row for each replica: its name, the number of its connection, the position of the log of this
            server, the position that the replica has applied, when it sent its last answer (in seconds of its own clock), and the
            seconds after which it has to send one. Without replicas one row, whose name is NULL.
        position: of the signal `wal`: gives one row with the position of the log, in bytes.
    """

    values: Mapping[str, SignalQuery] = field(default_factory=dict)
    replicas: SignalQuery | None = None
    position: SignalQuery | None = None
