"""How a database is asked what a query requires."""

from __future__ import annotations

from bulkq.model.frozen_dataclass import frozen


@frozen(kw_only=True)
class RequirementQuery:
    """How one kind of requirement is asked for.

    Attributes:
        sql: gives a row for each of `{names}`, a list of literals, that is there: the name, and its value or NULL. Of an extension
            the value is the reason why it cannot be used.
        advice: what a person may do if one is missing, with `{name}` and `{user}`; "" if that is nothing.
    """

    sql: str
    advice: str = ""


@frozen(kw_only=True)
class RequirementCatalog:
    """How a database is asked for each kind; None if it has no such thing."""

    table: RequirementQuery | None = None
    extension: RequirementQuery | None = None
    role: RequirementQuery | None = None
    privilege: RequirementQuery | None = None
    setting: RequirementQuery | None = None
