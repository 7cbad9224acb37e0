"""Alembic, which is imported here and nowhere else, and only for a ledger of another revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from bulkq import package_data
from bulkq.errors import LedgerError, LedgerNewer
from bulkq.ledger.revision_constants import HEAD
from bulkq.ledger.schema import POSTGRES_SCHEMA

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bulkq.ledger.location import LedgerLocation


def make_configuration() -> Config:
    """Alembic's configuration: where the revisions are, in the wheel or in the repository."""
    config = Config()
    config.set_main_option("script_location", str(package_data.find("migrations")).replace("%", "%%"))
    return config


def find_head() -> str | None:
    """The last revision of `migrations/versions`."""
    return ScriptDirectory.from_config(make_configuration()).get_current_head()


def refuse_unknown(revision: str | None, place: LedgerLocation) -> None:
    """See that `revision` is one of ours, so that the way from it is known.

    Raises:
        LedgerNewer: this program does not know it.
        LedgerError: there is none.
    """
    if revision is None:
        raise LedgerError(f'ledger "{place.shown}" has no revision number: restore it from a backup')
    known = {script.revision for script in ScriptDirectory.from_config(make_configuration()).walk_revisions()}
    if revision not in known:
        raise LedgerNewer(
            f'ledger "{place.shown}" was created by a newer bulkq (revision {revision}, this version supports {HEAD}): '
            "install that version, or choose another ledger with --ledger"
        )


def migrate(connection: Connection) -> None:
    """Bring the ledger behind `connection` to the last revision, in the transaction that is open on it."""
    if connection.dialect.name == "postgresql":  # where Alembic names no schema, as in ALTER TABLE
        connection.execute(text(f"SET LOCAL search_path TO {POSTGRES_SCHEMA}"))
    config = make_configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
