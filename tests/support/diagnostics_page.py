"""The lists of ready questions in the documentation: `python -m tests.support.diagnostics_page` writes them again.

What stands between a mark and the next heading is the table of a database, made from the headers of its files.
"""

from __future__ import annotations

import re
from pathlib import Path

from bulkq.tasks.diag.questions import databases, load_questions

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "diagnostics.md"
MARK = "<!-- questions: {} -->\n"


def table(database: str) -> str:
    """The table of one database, a row for each question."""
    rows = ["| subject | question | requires |", "|---|---|---|"]
    for one in load_questions(database):
        required = " or ".join(f"`{text}`" for text in one.requires)
        rows.append(f"| {one.subject} | `{one.name}`: {one.title} | {required} |")
    return "\n".join(rows) + "\n"


def written(page: str) -> str:
    """`page` with its tables made again."""
    for database in databases():
        mark = MARK.format(database)
        page = re.sub(rf"{re.escape(mark)}.*?(?=\n## |\Z)", lambda _: mark + table(database), page, flags=re.DOTALL)  # noqa: B023
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
