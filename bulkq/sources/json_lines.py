"""JSON Lines: an object per line, a block of lines at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import ParameterError
from bulkq.sources.json_codec import has_plain_keys, make_decoder, make_object_scanner, name_kind, why_not_json
from bulkq.sources.line_reader import decode_lines
from bulkq.text.json_text import JsonNumber

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import SourcePosition
    from bulkq.sources.line_reader import LineReader
    from bulkq.sources.object_reader_protocol import ObjectBlock


class JsonLinesReader:
    """Objects from the lines of `reader`.

    With `text`, numbers become their own text. Objects and lists inside values are to be written again as they were,
    so the numbers in them must be told from strings: a block that has any is read with `JsonNumber`, which costs more.
    """

    def __init__(self, reader: LineReader, *, text: bool, told_apart: bool = False) -> None:
        """Read from `reader`, past `files.start`; with `told_apart` a number is never taken for a text."""
        self._reader = reader
        self._text = text
        self._exact = make_decoder(JsonNumber if text else None)
        self._scan = make_object_scanner((JsonNumber if told_apart else str) if text else None)
        self.name = reader.name
        self.replayable = reader.replayable

    async def objects(self, most: int) -> ObjectBlock | None:
        """The next objects; blank lines are skipped.

        Raises:
            ParameterError: a line that is not one JSON object.
        """
        while True:
            await self._reader.ready()
            first = self._reader.line + 1
            raw, data = self._reader.block(most)
            if not raw:
                return None
            text = decode_lines(self.name, data, first)
            self._reader.consumed(data)
            if "\r" in text:
                text = text.replace("\r\n", "\n")
            lines = text.removesuffix("\n").split("\n")
            found = self._quickly(lines, text) or self._slowly(lines, first)
            objects, offsets = found
            if objects:
                return objects, range(first, first + len(lines)) if offsets is None else offsets, "\\u" in text

    def position(self, n: int) -> SourcePosition | None:
        """Behind the line of object `n`."""
        return self._reader.position(n, self._reader.line)

    def go_on(self, start: SourcePosition) -> None:
        """In a file that is proven the same."""
        self._reader.go_on(start)

    def fraction(self) -> float | None:
        """By bytes."""
        return self._reader.fraction()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _quickly(self, lines: list[str], text: str) -> tuple[list[dict[str, object]], None] | None:
        """Objects of clean lines, nothing around them; None where a line is something else."""
        if self._text and (text.count("{") > len(lines) or "[" in text):
            return None
        scan = self._scan
        try:
            pairs = [scan(line, 0) for line in lines]
        except (ValueError, StopIteration, RecursionError):
            return None
        if [end for _, end in pairs] != list(map(len, lines)):
            return None
        objects = [one for one, _ in pairs]
        if set(map(type, objects)) != {dict} or not has_plain_keys(text, sum(map(len, objects))):
            return None
        return objects, None

    def _slowly(self, lines: list[str], first: int) -> tuple[list[dict[str, object]], Sequence[int]]:
        objects: list[dict[str, object]] = []
        numbers: list[int] = []
        for number, line in enumerate(lines, first):
            if not line or line.isspace():
                continue
            objects.append(self._object(line, number))
            numbers.append(number)
        return objects, numbers

    def _object(self, line: str, number: int) -> dict[str, object]:
        try:
            found = self._exact.decode(line)
        except (ValueError, RecursionError) as error:
            raise ParameterError(f"{self.name}:{number}: {why_not_json(error)}") from error
        if not isinstance(found, dict):
            whole = isinstance(found, list) and number == 1
            advice = "; if the file is one JSON array, use --params-format json" if whole else ""
            raise ParameterError(f"{self.name}:{number}: expected an object, found {name_kind(found)}{advice}")
        return found
