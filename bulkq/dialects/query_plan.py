"""The plan of a statement, as the planner of a database explains it without executing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.dialects.row_key_catalog import Rows


@frozen
class PlanNode:
    """A node of a plan.

    Attributes:
        text: a line for people.
        depth: of the node below the top, from 0.
        details: further lines about it, such as its conditions.
        relation: the table that it reads, as the plan names it; "" if it reads none.
        whole: it reads every row of the table, or every entry of `index`.
        index: by which it reads the table; "" if by none.
        estimate: of rows and costs; "" if the plan has none.
    """

    text: str
    depth: int = 0
    details: tuple[str, ...] = ()
    relation: str = ""
    whole: bool = False
    index: str = ""
    estimate: str = ""

    @property
    def line(self) -> str:
        """The node in one line, with its conditions and without estimates."""
        return ", ".join([self.text, *self.details])


@frozen
class PlanCatalog:
    """How to ask a database for plans.

    Attributes:
        explain: what makes a statement an explained one, with `{statement}`.
        read: the rows that it gives -> the nodes of the plan, from the top.
        careful: statements in front of it, in its transaction, after which the planner reads a table as a whole only if it has no
            other way. () if the plan itself says whether there is another way.
        relations: a query for the names by which a plan may call `{table}`, a literal: rows of `table` and a name; and rows of
            `partial` and an index of some of its rows. "" if a plan calls it by its name, or by its alias.
        hides_rows: a query that gives a row if some table may hide rows from the role; "" if no table does so.
        shows_all_rows: a statement in front of `explain`, in its transaction, after which a statement is refused whose rows are hidden.
    """

    explain: str
    read: Callable[[Rows], tuple[PlanNode, ...]]
    careful: tuple[str, ...] = ()
    relations: str = ""
    hides_rows: str = ""
    shows_all_rows: str = ""
