"""SQLSTATEs that bulkq acts on. Drivers translate the codes of other libraries into these.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

CANCELED = "57014"
DEADLOCK = "40P01"
DISK_FULL = "53100"
LOCK_NOT_AVAILABLE = "55P03"
FOREIGN = frozenset({"08001", "08003", "08006"})
"""How PostgreSQL reports that a foreign server, or that of `dblink`, does not answer: as an ERROR. A pooler uses 08P01."""

NO_RIGHT = "42501"
TRANSACTION_TIMEOUT = "25P04"
NOT_SUPPORTED = "0A000"
READ_ONLY = "25006"
SERIALIZATION = "40001"
TOO_LARGE = "54000"
UNREADABLE = "22000"
"""The class of values that cannot be what they should be, with nothing said of how: here, a value that Python does not have."""

NO_ROOM = frozenset({DISK_FULL, "SQLITE_FULL"})
"""The disk of the database is full, or a limit on its size is reached: a smaller statement would not fit either."""

NOT_NOW = frozenset({LOCK_NOT_AVAILABLE, SERIALIZATION})
"""A lock that was not granted, also by databases that do not wait for one."""

MISTAKES = frozenset({"SQLITE_ERROR"})
"""A mistake in a statement, from databases without classes of SQLSTATE."""

FILE_FAILED = ("SQLITE_IOERR",)
"""How the states of a file that is not read or written begin."""
