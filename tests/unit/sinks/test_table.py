"""The table: how many rows, how wide, which colors."""

from __future__ import annotations

import io

import pytest

from bulkq.model import Batch, BatchResult, Column, Query
from bulkq.sinks import open_sink
from bulkq.sinks.table import TableSink

QUERY = Query("q", "select")
COLUMNS = (Column("id"), Column("name"))


async def shown(rows: list[tuple[object, ...]], columns: tuple[Column, ...] = COLUMNS, **more: object) -> str:
    """What is printed for `rows` in batches of 50."""
    stdout = io.BytesIO()
    arguments: dict[str, object] = {
        "path": None,
        "format": None,
        "include": (),
        "run": "r",
        "queries": [QUERY],
        "target": "t",
        "stdout": stdout,
        "terminal": True,
        "width": 40,
    }
    sink = open_sink(**{**arguments, **more})
    assert isinstance(sink, TableSink)
    for start in range(0, len(rows), 50):
        part = rows[start : start + 50]
        batch = Batch(0, start + 1, [()] * len(part))
        values = list(zip(*part, strict=True))
        payload, _ = sink.encode(BatchResult(batch, QUERY, "t", columns, values, range(len(part)), ok=len(part)))
        await sink.write(payload)
    await sink.close(complete=True)
    return stdout.getvalue().decode()


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No colors unless a test asks for them."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


async def test_numbers_stand_right_and_null_is_seen() -> None:
    """A table as people expect it."""
    assert await shown([(1, "a"), (22, None)]) == "id   name\n─────────\n 1   a\n22   NULL\n"


async def test_two_hundred_rows_and_how_many_more() -> None:
    """The rest is counted, with the way to get it."""
    text = await shown([(i, "x") for i in range(1201)])
    assert len(text.splitlines()) == 2 + 200 + 1
    assert text.splitlines()[-1] == "... 1,001 more rows, use -o FILE"
    assert (await shown([(i, "x") for i in range(201)])).endswith("... 1 more row, use -o FILE\n")


async def test_long_values_are_folded_not_cut() -> None:
    """Nothing of a value is lost, and no line is wider than the terminal."""
    text = await shown([(1, "abcdefghij" * 10)])
    assert "".join(text.split()).count("abcdefghij") >= 9
    assert max(map(len, text.splitlines())) <= 40


async def test_many_columns_are_printed_as_records() -> None:
    """Where columns would be too narrow, a value has a line."""
    columns = tuple(Column(f"column_{i}") for i in range(9))
    text = await shown([tuple(range(9)), (*range(8), None)], columns)
    assert text.splitlines()[:2] == ["-[ 1 ]-----------", "column_0  0"]
    assert text.splitlines()[-1] == "column_8  NULL"


async def test_a_file_gets_every_row(tmp_path: object) -> None:
    """`--format table -o FILE` is not cut, neither below nor at the right."""
    await shown([(i, "x" * 300) for i in range(300)], path=f"{tmp_path}/t", format="table")
    with open(f"{tmp_path}/t") as file:  # noqa: PTH123
        lines = file.read().splitlines()
    assert len(lines) == 302
    assert lines[-1] == "299   " + "x" * 300


@pytest.mark.parametrize(
    ("environ", "terminal", "colored"),
    [
        ({"NO_COLOR": ""}, True, True),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": "", "TERM": "dumb"}, True, False),
        ({"NO_COLOR": ""}, False, False),
        ({"NO_COLOR": "", "FORCE_COLOR": "1"}, False, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
    ],
)
async def test_colors(environ: dict[str, str], terminal: bool, colored: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR, TERM=dumb and FORCE_COLOR are obeyed."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in await shown([(1, None)], format="table", terminal=terminal)) == colored


async def test_the_width_of_the_terminal_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a width the terminal's own is taken."""
    monkeypatch.setenv("COLUMNS", "20")
    assert max(map(len, (await shown([(1, "x" * 100)], width=None)).splitlines())) <= 20
