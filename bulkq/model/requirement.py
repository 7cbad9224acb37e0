"""What a query requires of the database that it runs on, as `@requires` says."""

from __future__ import annotations

from enum import StrEnum

from bulkq.model.frozen_dataclass import frozen


class RequirementKind(StrEnum):
    """What a requirement is about."""

    PRODUCT = "product"  # pg>=16, mariadb
    PRIMARY = "primary"
    STANDBY = "standby"
    TABLE = "table"
    EXTENSION = "extension"
    ROLE = "role"
    PRIVILEGE = "privilege"
    SETTING = "setting"


NAMED = (
    RequirementKind.TABLE,
    RequirementKind.EXTENSION,
    RequirementKind.ROLE,
    RequirementKind.PRIVILEGE,
    RequirementKind.SETTING,
)
"""The kinds that are written `KIND:NAME`, about which the database is asked."""


@frozen
class Requirement:
    """One condition that a database must meet.

    Attributes:
        text: as written: `pg>=16`, `extension:pg_stat_statements`, `setting:track_io_timing=on`.
        kind: what it is about.
        name: of the product, table, extension, role, privilege or setting; "" for a primary or a standby.
        operator: `>=`, `<=`, `>`, `<` or `=`; "" if no value is required.
        value: the version or the value of the setting.
    """

    text: str
    kind: RequirementKind
    name: str = ""
    operator: str = ""
    value: str = ""
