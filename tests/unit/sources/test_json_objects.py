"""JSON Lines and JSON arrays: values for both kinds of targets, and what is said about files that are broken."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import ParameterError
from bulkq.model import Parameter
from tests.support.sources import batches, opened, origins, query, sets

if TYPE_CHECKING:
    from pathlib import Path

AB = query("a", "b")
FORMATS = ["rows.jsonl", "rows.json"]


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(tmp_path: Path, content: bytes | str, name: str = "rows.jsonl") -> str:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def objects(tmp_path: Path, name: str, *lines: str) -> str:
    """A file of either format with an object on every line."""
    if name.endswith(".json"):
        return write(tmp_path, "[" + ",\n".join(lines) + "]", name)
    return write(tmp_path, "\n".join(lines) + "\n", name)


VALUES = [
    # JSON, as text, as a Python value
    ("1", "1", 1),
    ("12345678901234567890123", "12345678901234567890123", 12345678901234567890123),
    ("1.10", "1.10", 1.1),
    ("1E2", "1E2", 100.0),
    ('"x"', "x", "x"),
    ('""', "", ""),
    ('"1"', "1", "1"),
    ("null", None, None),
    ("true", "true", 1),
    ("false", "false", 0),
    ('{"x": [1.10, "2", null, true]}', '{"x":[1.10,"2",null,true]}', '{"x":[1.1,"2",null,true]}'),
    ("[1.10, {}]", "[1.10,{}]", "[1.1,{}]"),
    ('"{["', "{[", "{["),
    (r'"\u00e9\ud83d\ude00"', "é😀", "é😀"),
    ('"é\u2028"', "é\u2028", "é\u2028"),
]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("written", "text", "native"), VALUES)
async def test_values(tmp_path: Path, name: str, written: str, text: str | None, native: object) -> None:
    """Numbers keep their spelling as text; nested values are JSON text; truth values are numbers where asked."""
    file = objects(tmp_path, name, '{"a": 0, "b": "0"}', f'{{"a": {written}, "b": "y"}}')
    assert await sets(await opened(file, AB)) == [("0", "0"), (text, "y")]
    found = await sets(await opened(file, AB, text=False))
    assert found == [(0, "0"), (native, "y")]
    assert type(found[1][0]) is type(native)
    assert {type(v) for one in await sets(await opened(file, AB)) for v in one} <= {str, type(None)}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("size", [1, 2, 100])
async def test_lines(tmp_path: Path, name: str, size: int) -> None:
    """The line of each object is that of its first character, blank lines or not."""
    wide = '{"a": 1,\n "b": 2}' if name.endswith(".json") else '\r\n  {"a": 1, "b": 2} \t'
    file = objects(tmp_path, name, '{"a": 1, "b": 2}', wide, " ", '{"b": 2, "a": 1}')
    if name.endswith(".json"):
        (tmp_path / file).write_text('[ {"a": 1, "b": 2},\n{"a": 1,\n "b": 2}\n,\n\n {"b": 2, "a": 1}\n]\n')
    expected = [1, 2, 6] if name.endswith(".json") else [1, 3, 5]
    assert await origins(await opened(file, AB), size) == expected
    assert await sets(await opened(file, AB), size) == [("1", "2")] * 3


@pytest.mark.parametrize("name", FORMATS)
async def test_mark_compression_and_defaults(tmp_path: Path, name: str) -> None:
    """A byte order mark is skipped, .gz unpacked, a missing key with a default filled in, null stays NULL."""
    lines = ['{"a": 1}', '{"a": 2, "b": null}', '{"a": 3, "b": 4}']
    text = "[" + ",".join(lines) + "]" if name.endswith(".json") else "\n".join(lines)
    file = write(tmp_path, gzip.compress(("\ufeff" + text).encode()), name + ".gz")
    wanted = query("a", Parameter("b", default="7", has_default=True))
    assert await sets(await opened(file, wanted)) == [("1", "7"), ("2", None), ("3", "4")]


@pytest.mark.parametrize("name", FORMATS)
async def test_constants_and_extra_keys(tmp_path: Path, name: str) -> None:
    """--param fills what the objects lack; extra keys are accepted where asked."""
    file = objects(tmp_path, name, '{"a": 1, "x": 2}', '{"a": 3}')
    assert await sets(await opened(file, AB, constants={"b": "c"}, extra=True)) == [("1", "c"), ("3", "c")]


@pytest.mark.parametrize("name", FORMATS)
async def test_lists(tmp_path: Path, name: str) -> None:
    """A list is an array literal for who converts text, a list for the others."""
    file = objects(tmp_path, name, r'{"ids": [1, 2.50, "a b", null, true, "", "NuLL", "a\"\\"]}', '{"ids": "[1,2]"}')
    literal = r'{1,2.50,"a b",NULL,true,"","NuLL","a\"\\"}'
    assert await sets(await opened(file, query("ids*"))) == [(literal,), ("{1,2}",)]
    native = [1, 2.5, "a b", None, 1, "", "NuLL", 'a"\\']
    assert await sets(await opened(file, query("ids*"), text=False)) == [(native,), ([1, 2],)]


@pytest.mark.parametrize("name", FORMATS)
async def test_failures_of_a_run(tmp_path: Path, name: str) -> None:
    """The lines of a --failures file stand for their params; --param replaces one of them."""
    line = {"n": 3, "source": "", "params": {"a": "1", "b": None}, "outcome": "rolled_back", "message": "no"}
    file = objects(tmp_path, name, json.dumps(line), json.dumps(line))
    assert await sets(await opened(file, AB)) == [("1", None)] * 2
    assert await sets(await opened(file, AB, constants={"b": "9"})) == [("1", "9")] * 2


async def test_failures_hold_no_secrets(tmp_path: Path) -> None:
    """A masked value is never sent to the database as if it were the value."""
    file = objects(tmp_path, "f.jsonl", json.dumps({"params": {"a": "1", "b": "***"}, "outcome": "rolled_back"}))
    wanted = query("a", Parameter("b", secret=True))
    with pytest.raises(ParameterError) as caught:
        await sets(await opened(file, wanted))
    assert str(caught.value) == (
        "f.jsonl: a --failures file does not contain values of secret parameters: "
        "give :b of q.sql:q with --param, or use the original source"
    )
    assert await sets(await opened(file, wanted, constants={"b": "s"})) == [("1", "s")]


async def test_failures_with_a_line_of_something_else(tmp_path: Path) -> None:
    """A file that begins as --failures and goes on otherwise is refused at that line."""
    file = objects(tmp_path, "f.jsonl", '{"params": {"a": 1, "b": 2}, "outcome": "unknown"}', '{"a": 1, "b": 2}')
    with pytest.raises(
        ParameterError,
        match=r'^f.jsonl:2: no "params", but earlier lines are from a --failures file: keep the lines of one kind$',
    ):
        await sets(await opened(file, AB))


async def test_no_lines_are_no_sets(tmp_path: Path) -> None:
    """JSON Lines needs no header: an empty file, such as the --failures of a clean run, has no sets."""
    source = await opened(write(tmp_path, ""), AB)
    assert await sets(source) == []
    assert source.total == 0
    assert await sets(await opened(write(tmp_path, " [ ] \n", "rows.json"), AB)) == []


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "twice",
    [
        '{"a":1,"b":2,"a":3}',
        '{"a": 1, "b": 2, "a": 3}',
        '{"a" :1,"b" :2,"a" :3}',
        '{"b":2, "a"\t:1, "a":3}',
        '{"a":1,"b":{"a":1,"a":2}}',
        '{"a":1,"b":2,"\\u0061":3}',
    ],
)
async def test_a_key_that_is_there_twice(tmp_path: Path, name: str, twice: str, text: bool) -> None:
    """Whichever value were taken, the other would be lost: it is refused with its line, as two columns of a name are."""
    file = objects(tmp_path, name, '{"a":0,"b":0}', '{"a":0,"b":0}', twice)
    with pytest.raises(ParameterError, match=rf'^{re.escape(name)}:3: two keys are named "a"$'):
        await sets(await opened(file, AB, text=text))


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("name", FORMATS)
async def test_what_only_looks_like_a_key(tmp_path: Path, name: str, text: bool) -> None:
    """A quote and a colon within a text, and objects within objects, are values like others."""
    file = objects(tmp_path, name, r'{"a":"\":\" :","b":"x"}', '{"a":"y" ,"b":{"a":{"a":"z"}}}')
    assert await sets(await opened(file, AB, text=text)) == [('":" :', "x"), ("y", '{"a":{"a":"z"}}')]


async def test_an_array_in_json_lines(tmp_path: Path) -> None:
    """The first line of a file of the other format says how to read it."""
    with pytest.raises(
        ParameterError, match="found an array; if the file is one JSON array, use --params-format json$"
    ):
        await sets(await opened(write(tmp_path, '[{"a":1,"b":2}]', "rows.jsonl"), AB))


BAD_LINES = {
    '{"a":1,"b":2': "not JSON: expecting ',' delimiter, found the end",
    '{"a":1 "b":2}': 'not JSON: expecting \',\' delimiter, found ""b":2}"',
    '{"a":1,"b":2},{"a":1,"b":2}': 'not JSON: extra data, found ",{"a":1,"b":2}"',
    "hello": 'not JSON: expecting value, found "hello"',
    "[1,2]": "expected an object, found an array",
    "3": "expected an object, found a number",
    '"x"': "expected an object, found a string",
    "true": "expected an object, found true or false",
    "null": "expected an object, found null",
    '{"a":1,"b":NaN}': "not JSON: NaN is not a JSON number: write null",
    '{"a":1,"b":-Infinity}': "not JSON: -Infinity is not a JSON number: write null",
    '{"a":1}': 'no key "b" for :b of q.sql:q; there is "a"',
    "{}": 'no key "a" for :a of q.sql:q; there is none',
    '{"a":1,"B":2}': 'no key "b" for :b of q.sql:q; there are "a", "B" (did you mean "B"?)',
    '{"a":1,"b":2,"c":3}': 'key "c" is not used by q.sql:q: remove it, or use --extra-columns ignore',
    '{"a":1,"b":2,"c":3,"d":4}': 'keys "c", "d" are not used by q.sql:q: remove them, or use --extra-columns ignore',
    r'{"a":1,"b":"\u0000"}': 'a NUL character in "b", which no database accepts in text: remove it',
    r'{"a":1,"b":["\u0000"]}': 'a NUL character in "b", which no database accepts in text: remove it',
    r'{"a":1,"b":"\ud800"}': 'half a surrogate pair in "b", which is not a character: remove it',
    r'{"a":1,"b":{"x":"\udfff"}}': 'half a surrogate pair in "b", which is not a character: remove it',
    '{"a":1,"b":"x\ty"}': 'not JSON: invalid control character, found "\\ty"}"',
    '{"a":' * 100_000: "JSON nested too deeply",
}


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: line[:30])
async def test_broken_line(tmp_path: Path, line: str, text: bool) -> None:
    """A line that is not one object with the right keys is named with its number."""
    file = objects(tmp_path, "rows.jsonl", '{"a":1,"b":2}', r'{"a":1,"b":"\u00e9"}', line, '{"a":1,"b":2}')
    with pytest.raises(ParameterError) as caught:
        await sets(await opened(file, AB, text=text), 100)
    assert str(caught.value) == f"rows.jsonl:3: {BAD_LINES[line]}"


async def test_numbers_that_do_not_fit(tmp_path: Path) -> None:
    """As text any number passes; a float that would be infinite, and an integer of 5,000 digits, do not."""
    for number, why in [
        ("1e999", 'column "b": "inf" is not a finite number (:b of q.sql:q)'),
        ("9" * 5000, "not JSON: Exceeds the limit (4300 digits) for integer string conversion"),
    ]:
        file = objects(tmp_path, "rows.jsonl", f'{{"a":1,"b":{number}}}')
        assert await sets(await opened(file, AB)) == [("1", number)]
        with pytest.raises(ParameterError) as caught:
            await sets(await opened(file, AB, text=False))
        assert str(caught.value) == f"rows.jsonl:1: {why}"


async def test_large_numbers_within_values(tmp_path: Path) -> None:
    """A document or a list with an infinite number is refused; the word in a text is a word."""
    for value in ('{"x":[1e999]}', "[1.5,-1e999]"):
        with pytest.raises(ParameterError, match="holds a number that is too large"):
            await sets(await opened(objects(tmp_path, "rows.jsonl", f'{{"a":{value},"b":2}}'), AB, text=False))
    file = objects(tmp_path, "rows.jsonl", '{"a":{"x":["Infinity",1.5]},"b":1.5}', '{"a":1,"b":2.5}')
    found = await sets(await opened(file, AB, text=False))
    assert found == [('{"x":["Infinity",1.5]}', 1.5), (1, 2.5)]
    with pytest.raises(ParameterError, match="is not a finite number"):
        await sets(await opened(objects(tmp_path, "rows.jsonl", '{"a":[1e999]}'), query("a*"), text=False))


BAD_ARRAYS = {
    "": "1: is empty: expected an array of objects",
    '{"a":1}': '1: expected an array of objects, found "{"; if the file is JSON Lines, use --params-format jsonl',
    "\n 3": '2: expected an array of objects, found "3"',
    "[": "1: ends early: the array is not closed",
    "[\n1]": "2: expected an object, found a number",
    "[x]": '1: not JSON: expecting value, found "x]"',
    '[{"a":1,"b":2},\n]': '2: not JSON: expecting value, found "]"',
    '[{"a":1,"b":2}\n{"a":1,"b":2}]': '2: expected "," or "]" after an object, found "{"',
    '[{"a":1,"b":2}': '1: ends early: expected "," or "]" after an object',
    '[{"a":1,"b":2},[1]]': "1: expected an object, found an array",
    '[{"a":1,"b":2}]\nx': '2: "x" after the end of the array',
    '[{"a":1,\n"b":"x': "1: ends early: the array is not closed",
    '[{"a":1,\n"b" 2' + " " * 100 + "}]": "2: not JSON: expecting ':' delimiter, found \"2               \"",
    '[{"a":1,"b":2},\n{"a":1,"b":NaN}]': "2: not JSON: NaN is not a JSON number: write null",
    '[{"a":1,"b":2},\n{"a":1}]': '2: no key "b" for :b of q.sql:q; there is "a"',
    "[" + '{"a":' * 100_000: "1: JSON nested too deeply",
}


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("content", BAD_ARRAYS, ids=lambda content: content[:30])
async def test_broken_array(tmp_path: Path, content: str, text: bool) -> None:
    """An array that is none, or ends early, is named with the line where that was seen."""
    file = write(tmp_path, content, "rows.json")
    with pytest.raises(ParameterError) as caught:
        await sets(await opened(file, AB, text=text))
    assert str(caught.value) == f"rows.json:{BAD_ARRAYS[content]}"


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("bytes_", "why"),
    [
        (b"\xe9", "byte 0xe9 is not UTF-8: convert the file, for example with iconv -f latin1 -t utf-8"),
        (b"\0", "a NUL character, which no database accepts in text: remove it"),
    ],
)
async def test_bytes_that_are_no_text(tmp_path: Path, name: str, bytes_: bytes, why: str) -> None:
    """They are found with their line, however far down they stand."""
    good = b'{"a":1,"b":2}'
    lines = [good] * 7000 + [b'{"a":1,"b":"' + bytes_ + b'"}', good]
    content = b"[" + b",\n".join(lines) + b"]" if name.endswith(".json") else b"\n".join(lines)
    with pytest.raises(ParameterError) as caught:
        await sets(await opened(write(tmp_path, content, name), AB), 1000)
    assert str(caught.value) == f"{name}:7001: {why}"


@pytest.mark.parametrize("layout", [",", ",\n", "\n,\n\n", " , "])
async def test_array_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    """Wherever a piece ends, also within a character, an escape or a number, the values are whole."""
    rows = [{"a": i, "b": f'é😀\u2028 "\\{"x" * (i % 50)}'} for i in range(60)]
    for ascii_only in (True, False):
        text = "[" + layout.join(json.dumps(row, ensure_ascii=ascii_only) for row in rows) + "]"
        file = write(tmp_path, text, "rows.json")
        for piece in (1, 2, 3, 7, 64):
            monkeypatch.setattr("bulkq.sources.json_array.CHUNK", piece)
            found = await sets(await opened(file, AB, text=False), 7)
            assert found == [tuple(row.values()) for row in rows]


async def test_no_object_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands instead of an object is named as a whole, in however many pieces it comes."""
    monkeypatch.setattr("bulkq.sources.json_array.CHUNK", 3)
    for content, found in [("[true]", "true or false"), ('["a"]', "a string"), ("[12]", "a number")]:
        with pytest.raises(ParameterError, match=f"expected an object, found {found}$"):
            await sets(await opened(write(tmp_path, content, "rows.json"), AB))


async def test_array_of_one_line_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long array on one line is consumed piece by piece; an object without end is refused."""
    file = write(tmp_path, "[" + ",".join(['{"a":1,"b":2}'] * 40_000) + "]", "rows.json")
    source = await opened(file, AB)
    assert await source.take(5, 0) is not None
    assert 0 < (source.fraction() or 0) < 0.5
    await source.close()
    monkeypatch.setattr("bulkq.sources.json_array.MOST_RECORD", 1 << 20)
    endless = write(tmp_path, '[{"a":1,"b":"' + "x" * 5_000_000, "endless.json")
    with pytest.raises(ParameterError, match=r"^endless.json:1: an object is larger than 1 MB$"):
        await sets(await opened(endless, AB))


async def test_deeply_nested_values(tmp_path: Path) -> None:
    """What can be read and not be written again is an error, no traceback."""
    for depth in (400, 700, 900):
        file = objects(tmp_path, "rows.jsonl", '{"a":1,"b":' + "[" * depth + "]" * depth + "}")
        outcome = await asyncio.gather(_first(file), return_exceptions=True)
        assert isinstance(outcome[0], tuple | ParameterError)


async def _first(file: str) -> object:
    return (await sets(await opened(file, AB)))[0]


async def test_large_file_in_batches(tmp_path: Path) -> None:
    """Numbers of batches and sets count on over all blocks."""
    file = objects(tmp_path, "rows.jsonl", *(f'{{"a":{i},"b":null}}' for i in range(1000)))
    found = await batches(await opened(file, AB), 64)
    assert [b.first for b in found] == list(range(1, 1001, 64))
    assert found[-1].sets[-1] == ("999", None)
