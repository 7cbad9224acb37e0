"""What comes but once is on disk before it is used, and comes back exactly, whatever a kill leaves of it."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkq.errors import LedgerError, ParameterError, RefusedError
from bulkq.sources import Request, open_source
from bulkq.sources.spool import SpoolingSource, load_constants, open_spool, save_constants
from bulkq.sources.spool_codec import decode_values, encode_values
from tests.support.sources import AB, Flat, Given, batches, flat, opened, query, stdin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bulkq.model import Batch, ParameterSet


async def spooled(path: Path, rows: int, size: int) -> list[Batch]:
    """A whole source through a new spool."""
    return await batches(SpoolingSource(await stdin(rows), path), size)


async def test_the_folder_is_made_for_its_owner(tmp_path: Path) -> None:
    """The first run of a user whose ledger is on a server finds no folder of bulkq."""
    for path in (tmp_path / "state" / "bulkq" / "a.spool", tmp_path / "other" / "bulkq" / "a.params"):
        if path.suffix == ".spool":
            await spooled(path, 3, 3)
        else:
            save_constants(path, {"v": "x"})
        assert path.exists()
        assert [stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)] == [0o700, 0o700]


@pytest.mark.parametrize("size", [1, 3, 4, 100])
async def test_through_the_spool_and_back(tmp_path: Path, size: int) -> None:
    """Values, numbers and origins are the same; from every position the rest is; lines are told as before."""
    path = tmp_path / "s.jsonl"
    found = await spooled(path, 10, 3)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert flat(found) == [(i, (str(i), "x"), f"stdin:{2 * i}") for i in range(1, 11)]
    spool = await open_spool(path, AB)
    assert (spool.complete, spool.total, spool.typed, spool.replayable) == (True, 10, False, False)
    again = await batches(spool, size)
    assert flat(again) == flat(found)
    assert all(len(b.sets) <= size for b in again)
    assert spool.fraction() == 1.0
    for batch in [*found, *again]:
        if batch.end is not None:
            assert batch.end.n == batch.first + len(batch.sets) - 1
            rest = await batches(await open_spool(path, AB, batch.end), size)
            assert flat(rest) == flat(found)[batch.end.n :]
    assert all(b.end is not None for b in found)
    assert {b.end.n for b in again if b.end} >= {10}


async def test_whole_batches_where_they_fit(tmp_path: Path) -> None:
    """Small batches of the spool are joined, but not so that positions are lost."""
    path = tmp_path / "s.jsonl"
    await spooled(path, 10, 3)
    sizes = [len(b.sets) for b in await batches(await open_spool(path, AB), 7)]
    assert sizes == [6, 4]
    assert all(b.end for b in await batches(await open_spool(path, AB), 7))


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(-3, 3).map(lambda i: i * 10**5000),
        st.floats(),
        st.text(st.characters(), max_size=6),
        st.text(st.sampled_from('\n\r\0"\\{}\u2028\ud800'), max_size=4),
        st.binary(max_size=6),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple)),
    max_leaves=5,
)


def exactly(value: object) -> object:
    """Something that is equal only for equal values of equal types."""
    if isinstance(value, list | tuple):
        return type(value), [exactly(one) for one in value]
    return type(value), value.hex() if isinstance(value, float) else value


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=4))
def test_every_value(sets: list[tuple[object, ...]]) -> None:
    """What is written is what is read, to the type and the last bit, on one line of ASCII."""
    written = encode_values([7], sets)
    assert written.isascii()
    assert "\n" not in written
    found = decode_values(written)
    assert isinstance(found, list)
    assert found[0] == 7
    assert [list(map(exactly, one)) for one in found[1]] == [list(map(exactly, one)) for one in sets]


def test_integers_of_any_length() -> None:
    """Also those that Python does not write in decimal."""
    assert decode_values(encode_values([], [(10**5000, "x"), (-(10**5000), None)])) == [
        [[10**5000, "x"], [-(10**5000), None]]
    ]


async def test_values_that_cannot_be_kept(tmp_path: Path) -> None:
    """A type without an exact form is an error, not something like it."""
    source = SpoolingSource(Given(([({1}, 2)], ())), tmp_path / "s")
    for _ in range(2):
        with pytest.raises(ParameterError, match="a value of type set cannot be stored for a resume"):
            await source.take(1, 0)
    await source.close()


async def test_typed_sources_and_lines_of_any_kind(tmp_path: Path) -> None:
    """`typed` is that of the source; lines may be missing, a range or a list."""
    parts: list[tuple[list[ParameterSet], Sequence[int]]] = [
        ([(1, b"\0"), (2, [1.5, None])], range(2, 4)),
        ([(3, True), (4, "x")], [9, 12]),
        ([(5, {"x": [1, {"y": None}]})], range(20, 21)),
    ]
    path = tmp_path / "s"
    found = await batches(SpoolingSource(Given(*parts), path), 5)
    spool = await open_spool(path, AB)
    assert spool.typed
    assert flat(await batches(spool, 1)) == flat(found)
    assert flat(await batches(await open_spool(path, AB), 50)) == flat(found)
    nowhere = await batches(SpoolingSource(Given(([(1, 2)], ()), ([(3, 4)], ())), tmp_path / "t"), 5)
    again = await batches(await open_spool(tmp_path / "t", AB), 5)
    assert flat(again) == flat(nowhere) == [(1, (1, 2), ""), (2, (3, 4), "")]
    assert (again[0].lines, again[0].source) == ((), "")


async def test_cut_at_every_byte(tmp_path: Path) -> None:
    """Of a spool that ends anywhere, the batches before the cut come back, no others, and it is known to be cut off."""
    path = tmp_path / "s"
    found = await spooled(path, 7, 3)
    content = path.read_bytes()
    ends = [b.end.offset for b in found if b.end is not None]
    for length in range(len(content)):
        path.write_bytes(content[:length])
        spool = await open_spool(path, AB)
        assert not spool.complete
        whole = sum(end <= length for end in ends)
        assert flat(await batches(spool, 2)) == flat(found[:whole])
        assert spool.total == len(flat(found[:whole]))
    for batch in found:
        assert batch.end is not None
        path.write_bytes(content[: batch.end.offset + 5])
        assert await batches(await open_spool(path, AB, batch.end)) == []
        path.write_bytes(content[: batch.end.offset - 1])
        with pytest.raises(RefusedError, match="changed since the run began"):
            await open_spool(path, AB, batch.end)


async def test_damage(tmp_path: Path) -> None:
    """Any changed byte gives an error or fewer sets, never a set that was not there."""
    path = tmp_path / "s"
    found = flat(await spooled(path, 4, 2))
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        got: Flat = []
        try:
            spool = await open_spool(path, AB)
            try:
                while (batch := await spool.take(1, 0)) is not None:
                    got += flat([batch])
            except LedgerError as error:
                assert str(error).endswith("the spool is damaged: start a new run")
                with pytest.raises(LedgerError, match="damaged"):
                    await spool.take(1, 0)
            finally:
                await spool.close()
        except LedgerError:
            pass
        assert got == found[: len(got)]


async def test_what_is_no_spool_of_ours(tmp_path: Path) -> None:
    """Gone, something else, of another version, for other parameters: each is one line."""
    path = tmp_path / "s"
    with pytest.raises(LedgerError, match=r"/s: cannot be read: no such file or directory$"):
        await open_spool(path, AB)
    await spooled(path, 2, 2)
    spool = await open_spool(path, query("a"))
    for _ in range(2):
        with pytest.raises(RefusedError, match=r"^q\.sql:q has different parameters than when the run began"):
            await spool.take(5, 0)
    await spool.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[1:]))
    with pytest.raises(LedgerError, match=r"/s: not a spool file of bulkq$"):
        await open_spool(path, AB)


async def test_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer form is not guessed at."""
    monkeypatch.setattr("bulkq.sources.spool.VERSION", 2)
    await spooled(tmp_path / "s", 2, 2)
    monkeypatch.undo()
    with pytest.raises(RefusedError, match="written by another version of bulkq: resume with that version"):
        await open_spool(tmp_path / "s", AB)


async def test_a_position_without_digest(tmp_path: Path) -> None:
    """Sets are counted where nothing else is known."""
    found = await spooled(tmp_path / "s", 7, 3)
    end = found[0].end
    assert end is not None
    start = type(end)(4, 0, 0, "")
    assert flat(await batches(await open_spool(tmp_path / "s", AB, start), 3)) == flat(found)[4:]


async def test_the_end_and_the_rest(tmp_path: Path) -> None:
    """A source that is left early is not complete; one without sets is; removing may be done twice."""
    path = tmp_path / "s"
    source = SpoolingSource(await stdin(5), path)
    assert (source.typed, source.replayable, source.total, source.fraction()) == (False, False, None, None)
    batch = await source.take(4, 0)
    assert batch is not None
    assert len(batch.sets) == 2  # and two blank lines
    await source.close()
    await source.close()
    assert await source.take(2, 1) is None
    spool = await open_spool(path, AB)
    assert not spool.complete
    assert len(flat(await batches(spool))) == 2
    source.remove()
    spool.remove()
    assert not path.exists()
    assert await spooled(path, 0, 2) == []
    empty = await open_spool(path, AB)
    assert (empty.complete, empty.total) == (True, 0)
    assert await batches(empty) == []


async def test_an_error_of_the_source(tmp_path: Path) -> None:
    """It is passed on, and what came before it is kept."""
    source = SpoolingSource(Given(([(1, 2)], [2]), ParameterError("stdin:3: broken")), tmp_path / "s")
    assert await source.take(1, 0) is not None
    with pytest.raises(ParameterError, match="stdin:3: broken"):
        await source.take(1, 1)
    await source.close()
    spool = await open_spool(tmp_path / "s", AB)
    assert not spool.complete
    assert flat(await batches(spool)) == [(1, (1, 2), "stdin:2")]


async def test_on_disk_before_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every batch is written whole and synced, in a thread; its folder too, the first time."""
    path = tmp_path / "s"
    synced: list[int] = []
    fsync = os.fsync

    def sync(descriptor: int) -> None:
        assert threading.current_thread() is not threading.main_thread()
        fsync(descriptor)
        synced.append(os.fstat(descriptor).st_size if stat.S_ISREG(os.fstat(descriptor).st_mode) else -1)

    write = os.write
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:9]))
    source = SpoolingSource(await stdin(2), path)
    sizes = []
    for index in range(2):
        assert await source.take(2, index) is not None
        sizes.append(path.stat().st_size)
        assert synced[0] == sizes[0]
    assert synced == [sizes[0], -1, sizes[1]]
    await source.close()
    assert len(flat(await batches(await open_spool(path, AB)))) == 2


async def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is given that is not on disk, and the error is final."""

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    path = tmp_path / "s"
    source = SpoolingSource(await stdin(2), path)
    monkeypatch.setattr(os, "write", full)
    for _ in range(2):
        with pytest.raises(LedgerError, match=r"/s: cannot be written: no space left on device$"):
            await source.take(1, 0)
    await source.close()
    with pytest.raises(LedgerError, match=r"/s: cannot be created: file exists$"):
        SpoolingSource(await stdin(2), path)


async def test_cancelled_while_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write is waited for before the file is closed, and no number comes twice."""
    go, at = threading.Event(), asyncio.Event()
    loop, fsync = asyncio.get_running_loop(), os.fsync

    def slow(descriptor: int) -> None:
        loop.call_soon_threadsafe(at.set)
        go.wait(10)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    source = SpoolingSource(await stdin(2), tmp_path / "s")
    taking = asyncio.ensure_future(source.take(1, 0))
    await at.wait()
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    with pytest.raises(LedgerError, match=r"/s: the previous write was interrupted: resume the run$"):
        await source.take(1, 0)
    loop.call_soon(go.set)
    await source.close()
    assert len(flat(await batches(await open_spool(tmp_path / "s", AB)))) == 1


async def test_closed_while_waiting(tmp_path: Path) -> None:
    """What arrives after closing is not written, and not given."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb", buffering=0) as writer:
        writer.write(b"a,b\n")
        source = SpoolingSource(
            await open_source(Request(specs=("-",), format="csv", stdin=pipe), AB, text=True), tmp_path / "s"
        )
        taking = asyncio.ensure_future(source.take(1, 0))
        await asyncio.sleep(0)
        await source.close()
        writer.write(b"1,2\n")
        assert await taking is None
    assert (tmp_path / "s").stat().st_size == 0


async def test_ranges_can_be_kept_too(tmp_path: Path) -> None:
    """Whatever the source is: a product with standard input has numbers from elsewhere as well."""
    source = SpoolingSource(await opened("range:id=1..3", query("id"), text=False), tmp_path / "s")
    found = await batches(source, 2)
    spool = await open_spool(tmp_path / "s", query("id"))
    assert spool.complete
    assert flat(await batches(spool)) == flat(found)
    assert [one for b in found for one in b.sets] == [(1,), (2,), (3,)]


def test_constants(tmp_path: Path) -> None:
    """Values of --param come back exactly, for the owner only; what is damaged or there already is an error."""
    path = tmp_path / "c"
    constants = {"a": "é\n\udcff", "b": ""}
    save_constants(path, constants)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_constants(path) == constants
    with pytest.raises(LedgerError, match=r"/c: cannot be created: file exists$"):
        save_constants(path, constants)
    for content in (b'{"a":', b"[1]", b'{"a":1}'):
        path.write_bytes(content)
        with pytest.raises(LedgerError, match=r"/c: (cannot be read: |does not hold the constants of a run$)"):
            load_constants(path)
    path.unlink()
    with pytest.raises(LedgerError, match=r"/c: cannot be read: no such file or directory$"):
        load_constants(path)
