"""The claim of a batch of a write, and the tables that hold its marker."""

from __future__ import annotations

from bulkq.model.frozen_dataclass import frozen


@frozen
class Claim:
    """Permission to apply sets `first` to `last` of a run's part, taken in the transaction that applies them.

    The SQL comes from `bulkq.markers`; a driver executes it and reports what it found.
    """

    run: str
    owner: str
    part: int
    first: int
    last: int
    tables: MarkerTables

    @property
    def sets(self) -> int:
        """How many sets it claims."""
        return self.last - self.first + 1


@frozen
class MarkerTables:
    """Quoted, qualified names of the two tables in the target."""

    runs: str
    markers: str

    @property
    def ranges(self) -> str:
        """The name of the table of key ranges, which stands beside them."""
        return self.runs[:-5] + "ranges" + self.runs[-1]

    @property
    def images(self) -> str:
        """The name of the table of images, which stands beside them."""
        return self.runs[:-5] + "images" + self.runs[-1]
