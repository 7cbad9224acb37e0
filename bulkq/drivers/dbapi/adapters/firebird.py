"""Firebird through firebird-driver: a server, or the engine inside our process."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from bulkq.drivers.dbapi.adapter_return_types import ErrorDescription
from bulkq.drivers.dbapi.adapters.base import Adapter
from bulkq.model import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Dialect

    from bulkq.drivers.dbapi.adapter_return_types import Ask
    from bulkq.drivers.dbapi.pep249 import DbapiConnection

STATES = {"HY008": "57014"}
"""Firebird's state for a statement that was cancelled is the one of ODBC."""

LOST = frozenset({335544721, 335544726, 335544727, 335544741, 335544856})
"""Its codes of a network that broke and of a session that was ended, from the table of its language reference."""

ENGINE = "SELECT rdb$get_context('SYSTEM', 'ENGINE_VERSION'), current_user, rdb$get_context('SYSTEM', 'DB_NAME') FROM rdb$database"
NAMES = """\
SELECT trim(rdb$relation_name) FROM rdb$relations UNION SELECT trim(rdb$field_name) FROM rdb$relation_fields
UNION SELECT trim(rdb$procedure_name) FROM rdb$procedures"""


class Firebird(Adapter):
    """Firebird. Its library counts changed rows; its cursors end with their transaction, so none is kept."""

    nothing = "SELECT 1 FROM rdb$database"
    cancels = True

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect)
        self.counts = True

    def look(self, ask: Ask, connection: DbapiConnection) -> Server:
        """Version, user and file."""
        ((version, user, path),) = ask(ENGINE)
        connection.rollback()
        numbers = [int(part) for part in str(version).split(".")[:3]]
        number = sum(part * 10 ** (4 - 2 * i) for i, part in enumerate(numbers))
        return Server("firebird", str(version), number, user=str(user).strip(), database=str(path))

    def names(self, ask: Ask, connection: DbapiConnection) -> set[str]:  # noqa: ARG002
        """As the catalog spells them: in capitals, unless they were quoted when they were made."""
        return {str(row[0]) for row in ask(NAMES)}

    def trouble(self, error: Exception) -> ErrorDescription:
        """By SQLSTATE, which Firebird gives."""
        known = super().trouble(error)
        codes = getattr(error, "gds_codes", ()) or ()
        state = STATES.get(known.sqlstate or "", known.sqlstate)
        return ErrorDescription(known.message, state, known.lost or bool(LOST.intersection(codes)))

    def canceller(self, connection: object) -> Callable[[], object] | None:
        """firebird-driver has no method for it on a connection, but its attachment has Firebird's own."""
        with suppress(Exception):
            from firebird.driver.types import CancelType

            attachment = cast("Any", connection)._att  # noqa: SLF001
            return lambda: attachment.cancel_operation(CancelType.RAISE)
        return None
