"""The list of ready questions, as text and as records."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.tasks.diag.questions import Question


def question_lines(found: Sequence[Question], skips: Mapping[str, Mapping[str, str]]) -> list[str]:
    """A heading for each database and subject, below it a line for each question, and one for each target that would skip it.

    Args:
        found: by database and subject.
        skips: by target and name of the question, the reason.
    """
    width = max((len(one.name) for one in found), default=0)
    lines: list[str] = []
    for (database, subject), some in groupby(found, key=lambda one: (one.database, one.subject)):
        lines += ["", f"{subject} ({database})", *(line for one in some for line in _lines(one, skips, width))]
    return lines[1:]


def _lines(question: Question, skips: Mapping[str, Mapping[str, str]], width: int) -> list[str]:
    reasons = [(target, reasons[question.name]) for target, reasons in skips.items() if question.name in reasons]
    indent = " " * (width + 4)
    return [
        f"  {question.name:<{width}}  {question.title}",
        f"{indent}requires {' | '.join(question.requires)}",
        *(f"{indent}skipped on {target}: {reason}" for target, reason in reasons),
    ]


def question_records(found: Sequence[Question], skips: Mapping[str, Mapping[str, str]]) -> list[dict[str, object]]:
    """The same for programs. `skipped` has the reason of each target that would skip the question."""
    return [
        {
            "name": one.name,
            "database": one.database,
            "subject": one.subject,
            "tags": list(one.queries[0].tags),
            "title": one.title,
            "description": one.queries[0].description,
            "requires": list(one.requires),
            "parameters": {p.name: p.default for p in one.queries[0].parameters},
            "skipped": {target: reasons[one.name] for target, reasons in skips.items() if one.name in reasons},
        }
        for one in found
    ]
