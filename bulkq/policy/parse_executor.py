"""Read `--executor`."""

from __future__ import annotations

from bulkq.errors import UsageError
from bulkq.model import ExecutorChoice
from bulkq.text.late_pattern import compile_late

LOCAL = "local"
MOST_LOCAL = 256
EXAMPLE = "write local, dask:local=4, dask=tcp://host:8786, or a name of [executors] in bulkq.toml"
ADDRESS = compile_late(r"(?:(?:tcp|tls)://)?[^\s/@:]+:[0-9]{1,5}|(?:(?:tcp|tls)://)?\[[0-9a-fA-F:.%]+\]:[0-9]{1,5}")


def parse_executor(text: str) -> ExecutorChoice | None:
    """Return what `--executor` says; None for `local`, where batches are executed in this process.

    Raises:
        UsageError: it is not valid.
    """
    if text == LOCAL:
        return None
    kind, _, value = text.partition("=")
    if kind == "dask:local":
        if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= MOST_LOCAL:
            wrong = f"{value} is not a number from 1 to {MOST_LOCAL}" if value else "the number of workers is missing"
            raise UsageError(f'--executor "{text}": {wrong}: write dask:local=4')
        return ExecutorChoice(text=text, local=int(value))
    if kind == "dask":
        return ExecutorChoice(text=text, address=parse_address(value, f'--executor "{text}"'))
    raise UsageError(f'--executor "{text}" is unknown: {EXAMPLE}')


def parse_address(value: str, place: str) -> str:
    """Return the address of a scheduler, with a scheme.

    Raises:
        UsageError: it is not valid; `place` says where it stands.
    """
    if not ADDRESS.fullmatch(value):
        wrong = f"{value} is not the address of a scheduler" if value else "the address of a scheduler is missing"
        raise UsageError(f"{place}: {wrong}: write tcp://host:8786")
    return value if "://" in value else f"tcp://{value}"
