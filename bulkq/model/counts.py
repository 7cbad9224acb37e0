"""Counts of parameter sets by outcome, and numbers of changed rows, which some libraries do not report. Pure."""

from __future__ import annotations

from typing import TypedDict

from bulkq.model.frozen_dataclass import frozen

UNCOUNTED = -1
"""Rows changed, where the database library does not say how many."""


@frozen(kw_only=True)
class Counts:
    """Parameter sets by outcome. Counts are added with `+`; what has counts of its own is a subclass."""

    ok: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0  # never tried
    retried: int = 0
    changed: int = 0  # rows; UNCOUNTED where that is not known
    unanswered: int = 0  # sets of a write that were applied but whose answers are lost

    def __add__(self, other: Counts) -> Counts:
        """The sum of two counts. Changed rows are not known if one number is not."""
        return Counts(
            ok=self.ok + other.ok,
            failed=self.failed + other.failed,
            unknown=self.unknown + other.unknown,
            skipped=self.skipped + other.skipped,
            retried=self.retried + other.retried,
            changed=changed_in_all(self.changed, other.changed),
            unanswered=self.unanswered + other.unanswered,
        )

    @property
    def tried(self) -> int:
        """Parameter sets that were tried, however they ended."""
        return self.ok + self.failed + self.unknown


class CountsByName(TypedDict):
    """The fields of `Counts`."""

    ok: int
    failed: int
    unknown: int
    skipped: int
    retried: int
    changed: int
    unanswered: int


def counts_of(counted: Counts) -> CountsByName:
    """The counts of a value that has them, by name, as constructors and `dataclasses.replace` take them."""
    return CountsByName(
        ok=counted.ok,
        failed=counted.failed,
        unknown=counted.unknown,
        skipped=counted.skipped,
        retried=counted.retried,
        changed=counted.changed,
        unanswered=counted.unanswered,
    )


def changed_in_all(*changed: int) -> int:
    """Rows changed in all, which is not known where one of the numbers is not."""
    return UNCOUNTED if UNCOUNTED in changed else sum(changed)


def changed_number(changed: int) -> int | None:
    """Rows changed as programs read them: None where that is not known."""
    return None if changed == UNCOUNTED else changed


def changed_text(changed: int) -> str:
    """Rows changed as people read them: `?` where that is not known."""
    return "?" if changed == UNCOUNTED else str(changed)
