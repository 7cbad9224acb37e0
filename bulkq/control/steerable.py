"""What can be asked of a run while it works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Steerable(Protocol):
    """A run that obeys. Each command returns one line for people, and raises `UsageError` or `RefusedError` if it changes nothing.

    `by` is `user@host` of the person, `for_s` the seconds after which a change is taken back.
    """

    def status(self) -> Mapping[str, object]:
        """Return the JSON form of the status, see `bulkq.model.run_status`."""

    def why(self) -> Sequence[str]:
        """Return the reasons why the run is not faster, the one that counts most first."""

    def pause(self, by: str, for_s: float | None) -> str:
        """Start no further batch until `resume`."""

    def resume(self, by: str) -> str:
        """End a pause."""

    def drain(self, by: str) -> str:
        """Start no further batch, and end the run when the running ones have ended."""

    def stop(self, by: str) -> str:
        """Cancel the running statements, and end the run."""

    def change(self, settings: Sequence[str], by: str, for_s: float | None) -> str:
        """Change settings, all of them or none."""

    def settings(self, key: str) -> Mapping[str, str]:
        """Return the values of all settings by key; with a `key` that one."""
