"""The results of checks in a ledger, run by run.

Kept are verdicts, measured values, counts and times; no parameter values and no rows. Messages of servers come through
`redact_message`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from bulkq.ledger.check_row_conversion import AT_ONCE, KEPT_HISTORY, PAST, SERIES, past_check, past_results, result_rows
from bulkq.ledger.schema import CHECKS
from bulkq.model import CheckResult, PastCheck, Verdict
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping

    from bulkq.ledger.check_row_conversion import PastResults
    from bulkq.ledger.database_connection import LedgerDatabase

MOST_LISTED = 10_000


@frozen
class RecordedCheck:
    """One check on one target for one parameter set, with all that the ledger knows of it, the newest first."""

    key: str
    target: str
    params: str  # digest
    line: int
    first_seen: str
    last_pass: str | None
    history: tuple[PastCheck, ...]


class CheckHistory:
    """The results of checks in one ledger.

    Args:
        database: of an open ledger.
    """

    def __init__(self, database: LedgerDatabase) -> None:
        self._database = database

    async def before(self, keys: Sequence[str]) -> PastResults:
        """The last results of the checks called `keys`."""
        found: PastResults = {}
        columns = [CHECKS.c[name] for name in (*SERIES, *PAST)]
        number = func.row_number().over(
            partition_by=(CHECKS.c.checked, CHECKS.c.target, CHECKS.c.params),
            order_by=(CHECKS.c.at.desc(), CHECKS.c.run.desc()),
        )
        async with self._database.reading() as connection:
            for first in range(0, len(keys), AT_ONCE):
                wanted = CHECKS.c.checked.in_(keys[first : first + AT_ONCE])
                numbered = select(*columns, number.label("newest")).where(wanted).subquery()
                query = select(*(numbered.c[column.name] for column in columns)).order_by(numbered.c.newest)
                past_results(found, await connection.execute(query.where(numbered.c.newest <= KEPT_HISTORY)))
        return found

    async def keep(self, run: str, at: str, results: Sequence[tuple[str, str, CheckResult]]) -> None:
        """Record the results of a run: the check's name in every run, the digest of its parameters, the result.

        Raises:
            LedgerError: they cannot be written.
        """
        if not results:
            return
        async with self._database.writing() as connection:
            await connection.execute(insert(CHECKS), result_rows(run, at, results))

    async def of(self, run: str) -> tuple[CheckResult, ...]:
        """The results of a run in the order of its report, with the history that each had by then; () where it had no checks."""
        async with self._database.reading() as connection:
            query = select(CHECKS).where(CHECKS.c.run == run).order_by(CHECKS.c.place)
            rows = list((await connection.execute(query)).mappings())
            results = []
            for row in rows:
                earlier = (
                    select(CHECKS)
                    .where(
                        CHECKS.c.checked == row["checked"],
                        CHECKS.c.target == row["target"],
                        CHECKS.c.params == row["params"],
                        CHECKS.c.at < row["at"],
                    )
                    .order_by(CHECKS.c.at.desc())
                    .limit(KEPT_HISTORY)
                )
                past = tuple(_past(one) for one in (await connection.execute(earlier)).mappings())
                results.append(_result(row, past))
        return tuple(results)

    async def named(self, name: str) -> tuple[RecordedCheck, ...]:
        """All checks called `name` (`no_orphans`, or `checks/orders.sql:no_orphans`), by name, target and parameters."""
        wanted = CHECKS.c.checked == name if ":" in name else CHECKS.c.name == name.replace("-", "_")
        query = select(CHECKS).where(wanted).order_by(CHECKS.c.at.desc()).limit(MOST_LISTED)
        found: dict[tuple[str, str, str], list[RowMapping]] = {}
        async with self._database.reading() as connection:
            for row in (await connection.execute(query)).mappings():
                found.setdefault((row["checked"], row["target"], row["params"]), []).append(row)
        return tuple(_known(*place, rows) for place, rows in sorted(found.items()))

    async def names(self) -> tuple[str, ...]:
        """The names of all checks that the ledger knows."""
        async with self._database.reading() as connection:
            return tuple((await connection.execute(select(CHECKS.c.name).distinct())).scalars())


def _known(key: str, target: str, params: str, rows: Sequence[RowMapping]) -> RecordedCheck:
    passed = [row["at"] for row in rows if row["verdict"] == Verdict.PASS]
    return RecordedCheck(
        key=key,
        target=target,
        params=params,
        line=rows[0]["line"],
        first_seen=rows[-1]["at"],
        last_pass=passed[0] if passed else None,
        history=tuple(_past(row) for row in rows),
    )


def _past(row: RowMapping) -> PastCheck:
    return past_check(*(row[name] for name in PAST))


def _result(row: RowMapping, past: tuple[PastCheck, ...]) -> CheckResult:
    return CheckResult(
        name=row["name"],
        file=row["file"],
        line=row["line"],
        target=row["target"],
        verdict=Verdict(row["verdict"]),
        expected=row["expected"],
        message=row["message"],
        value=row["value"],
        rows=row["rows"],
        sqlstate=row["sqlstate"],
        description=row["description"],
        owner=row["owner"],
        tags=tuple(json.loads(row["tags"])),
        began_s=row["began_s"],
        elapsed_s=row["elapsed_s"],
        lane=row["lane"],
        history=past,
    )
