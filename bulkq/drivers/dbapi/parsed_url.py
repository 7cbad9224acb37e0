"""What is known of a URL before anything is connected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from types import ModuleType

    from sqlalchemy.engine import URL, Dialect

    from bulkq.drivers.dbapi.adapters.base import Adapter


@frozen
class ParsedUrl:
    """A URL, the dialect and the library that it leads to, and the adapter of both."""

    text: str
    url: URL
    dialect: Dialect
    is_async: bool
    adapter: Adapter
    module: ModuleType | object

    def classes(self) -> tuple[object, ...]:
        """The library's classes of connections and cursors, as far as PEP 249's names find them."""
        inner = getattr(self.module, "driver", None) or self.module
        found = [getattr(m, n, None) for m in (self.module, inner) for n in ("Connection", "connection", "Cursor")]
        return tuple(one for one in found if one is not None)
