"""A JSON array of objects, read in pieces: only the objects of one batch and 64 kB of text are in memory."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from bulkq.errors import ParameterError
from bulkq.sources.json_codec import has_plain_keys, make_decoder, make_object_scanner, name_kind, why_not_json
from bulkq.sources.line_reader import CHUNK, MOST_RECORD, not_utf8, nul_found
from bulkq.text.json_text import JsonNumber
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from bulkq.model import SourcePosition
    from bulkq.sources.line_reader import LineReader
    from bulkq.sources.object_reader_protocol import ObjectBlock

SPACE = compile_late(r"[ \t\n\r]*")
COMMA = compile_late(r"[ \t\n\r]*,[ \t\n\r]*")

UNTERMINATED = "Unterminated string"
"""How the decoder's message begins when the text ends within a string, wherever it says that the error is."""

LITERAL = 16
"""An error nearer to the end of the text than this may be a word or an escape that was cut in two."""


class JsonArrayReader:
    """Objects from the array in `reader`. A new piece is read only when the text at hand ends within a value."""

    def __init__(self, reader: LineReader, *, text: bool) -> None:
        """Read from `reader`; with `text`, numbers keep their spelling."""
        self._reader = reader
        self._decoder = make_decoder(JsonNumber if text else None)
        self._scan = make_object_scanner(JsonNumber if text else None)
        self._bytes = codecs.getincrementaldecoder("utf-8")()
        self._buffer = ""
        self._at = 0
        self._line = 1
        self._behind = (0, 1)  # where the last object ends in the text at hand, and its line: what is consumed
        self._settled = 0  # how much of that the reader knows of
        self._passed = ""  # text after the last object that is no longer in the buffer
        self._inside = False  # past the opening bracket
        self._ended = False  # past the closing bracket
        self._exhausted = False  # no more bytes
        self.name = reader.name
        self.replayable = reader.replayable

    async def objects(self, most: int) -> ObjectBlock | None:
        """The next objects.

        Raises:
            ParameterError: not an array of objects, or it ends early.
        """
        objects: list[dict[str, object]] = []
        lines: list[int] = []
        escaped = False
        while len(objects) < most and await self._element():
            found, end = await self._value()
            objects.append(found)
            lines.append(self._line)
            begin = self._at
            self._move(end)
            self._quickly(objects, lines, most)
            self._behind = self._at, self._line
            escaped = escaped or "\\u" in self._buffer[begin : self._at]
            if self._reader.waits and self._at >= len(self._buffer) - 1:
                break
        return (objects, lines, escaped) if objects else None

    def position(self, n: int) -> SourcePosition | None:
        """Behind the closing brace of object `n`."""
        if self._reader.waits:
            return None
        self._settle()
        return self._reader.position(n, self._behind[1] - 1)

    def go_on(self, start: SourcePosition) -> None:
        """In a file that is proven the same; `start` is behind an object, so what follows is a comma or the end."""
        self._reader.go_on(start)
        self._bytes.reset()
        self._buffer, self._passed, self._at, self._settled = "", "", 0, 0
        self._line = start.line + 1
        self._behind = 0, self._line
        self._inside, self._ended, self._exhausted = True, False, False

    def fraction(self) -> float | None:
        """By bytes read, which is up to a piece ahead."""
        return self._reader.fraction()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _quickly(self, objects: list[dict[str, object]], lines: list[int], most: int) -> None:
        """Take whole objects that follow in the text at hand; stop in front of whatever else there is."""
        text, at, line, scan = self._buffer, self._at, self._line, self._scan
        while len(objects) < most and (comma := COMMA.match(text, at)):
            begin = comma.end()
            try:
                found, end = scan(text, begin)
            except (ValueError, StopIteration, RecursionError):
                break
            if type(found) is not dict or not has_plain_keys(text, len(found), begin, end):
                break
            line += text.count("\n", at, begin)
            objects.append(found)
            lines.append(line)
            line += text.count("\n", begin, end)
            at = end
        self._at, self._line = at, line

    async def _element(self) -> bool:
        """Go to the next value; False at the end of the array."""
        if self._ended:
            return False
        if not self._inside:
            await self._expect("[", "an array of objects")
            self._inside = True
            if await self._peek() != "]":
                return True
        elif await self._peek() != "]":
            await self._expect(",", '"," or "]" after an object')
            return True
        self._move(self._at + 1)
        if found := await self._peek():
            raise self._error(f"{quoted(found)} after the end of the array")
        self._ended = True
        return False

    async def _expect(self, wanted: str, what: str) -> None:
        found = await self._peek()
        if found == wanted:
            self._move(self._at + 1)
            return
        if not found:
            raise self._error(f"ends early: expected {what}" if self._inside else f"is empty: expected {what}")
        hint = "; if the file is JSON Lines, use --params-format jsonl" if found == "{" and not self._inside else ""
        raise self._error(f"expected {what}, found {quoted(found)}{hint}")

    async def _peek(self) -> str:
        """The next character that is not white space, "" at the end."""
        while True:
            self._move(SPACE.match(self._buffer, self._at).end())  # type: ignore[union-attr]
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not await self._more():
                return ""

    async def _value(self) -> tuple[dict[str, object], int]:
        """The object that begins here and where it ends."""
        if await self._peek() != "{":
            await self._no_object()
        while True:
            try:
                found, end = self._decoder.raw_decode(self._buffer, self._at)
            except (ValueError, RecursionError) as error:
                if self._final(error) or not await self._more():
                    raise self._error(self._why(error)) from error
            else:
                return found, end

    async def _no_object(self) -> None:
        """Say what stands here instead of an object."""
        while len(self._buffer) - self._at < CHUNK and await self._more():
            pass
        try:
            found, _ = self._decoder.raw_decode(self._buffer, self._at)
        except (ValueError, RecursionError) as error:
            raise self._error(self._why(error)) from error
        raise self._error(f"expected an object, found {name_kind(found)}")

    def _final(self, error: Exception) -> bool:
        """Whether more text would not help."""
        at = getattr(error, "pos", None)
        if at is None:
            return True
        return not str(error).startswith(UNTERMINATED) and at < len(self._buffer) - LITERAL

    def _why(self, error: Exception) -> str:
        at = getattr(error, "pos", self._at)
        if self._exhausted and (at >= len(self._buffer) or str(error).startswith(UNTERMINATED)):
            return "ends early: the array is not closed"
        self._line += self._buffer.count("\n", self._at, at)
        return why_not_json(error)

    def _settle(self) -> None:
        """Tell the reader what was consumed, up to the end of the last object."""
        end = self._behind[0]
        if end > self._settled:
            self._reader.consumed((self._passed + self._buffer[self._settled : end]).encode())
            self._settled, self._passed = end, ""

    async def _more(self) -> bool:
        """Read on; False at the end. The pieces grow with the value that does not fit, or it would cost its square."""
        if not self._reader.waits:
            self._settle()
            self._passed += self._buffer[self._settled : self._at]
            self._behind, self._settled = (0, self._behind[1]), 0
        rest = self._buffer[self._at :]
        if len(rest) > MOST_RECORD:
            raise self._error(f"an object is larger than {MOST_RECORD >> 20} MB")
        raw = await self._reader.chunk(max(CHUNK, len(rest)))
        self._exhausted = not raw
        line = self._line + rest.count("\n")
        if b"\0" in raw:
            raise nul_found(self.name, line + raw.count(b"\n", 0, raw.index(b"\0")))
        try:
            self._buffer = rest + self._bytes.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            raise not_utf8(
                self.name, line + error.object.count(b"\n", 0, error.start), error.object[error.start]
            ) from error
        self._at = 0
        return bool(raw)

    def _move(self, to: int) -> None:
        self._line += self._buffer.count("\n", self._at, to)
        self._at = to

    def _error(self, why: str) -> ParameterError:
        return ParameterError(f"{self.name}:{self._line}: {why}")
