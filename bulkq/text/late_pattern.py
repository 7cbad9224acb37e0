"""Regular expressions that are compiled when they are first used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, AnyStr, cast

if TYPE_CHECKING:
    from re import Pattern

METHODS = [name for name in dir(re.Pattern) if not name.startswith("_")]


def compile_late(source: AnyStr, flags: int = 0) -> Pattern[AnyStr]:
    """A pattern for the top of a module. Python compiles it at its first use; from then on its methods are those of `re.Pattern`.

    A command imports a hundred patterns and uses a fifth of them. Compiling all took a tenth of its start.
    """
    return cast("Pattern[AnyStr]", _LatePattern(source, flags))


class _LatePattern:
    """Behaves as the `re.Pattern` of `source`. An error in `source` shows at the first use."""

    def __init__(self, source: str | bytes, flags: int) -> None:
        self._source, self._flags = source, flags

    def __getattr__(self, name: str) -> Any:
        """Compile, and take over the methods and attributes; Python asks here only for names that are not there yet."""
        if name not in METHODS:
            raise AttributeError(name)
        compiled: re.Pattern[Any] = re.compile(self._source, self._flags)
        vars(self).update({each: getattr(compiled, each) for each in METHODS})
        return vars(self)[name]
