"""Documents that are executed: the blocks of a Markdown page, and a shell session that types its commands.

`python -m tests.support.documents PAGE...` types the commands of pages again and writes what they print into the pages.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]

SERVER = "postgresql://ada@localhost/shop"
"""The PostgreSQL of the documents; a session puts the URL of a test database in its place."""

CLIENT = Path(__file__).with_name("fork_client.py")

FENCE = re.compile(
    r"(?:^<!-- not run: (?P<reason>.*?) -->\n+)?^```(?P<language>[\w{}-]+)[^\n]*\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
COMMAND = re.compile(r"^\$ ((?:[^\n]*\\\n)*[^\n]*)\n(.*?)(?=^\$ |\Z)", re.DOTALL | re.MULTILINE)
DOCUMENT = re.compile(r"<<'(\w+)'$")

CHANGES = (
    (re.compile(r"\b(run=|run |undo of |bulkq (?:retry|resume|report|runs|ctl) |retry-|/)[0-9a-z]{10}\b"), r"\1ID"),
    (re.compile(r"^(run +)?[0-9a-z]{10}(?=  |$)", re.MULTILINE), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ( +\d+s)?"), "MOMENT"),
    (re.compile(r"/\S+/bulkq/"), "STATE/"),
    (re.compile(r"/\S+/bulkq-demo/"), "DEMO/"),
    (re.compile(r"elapsed=[0-9.]+s"), "elapsed=TIME"),
    (re.compile(r"(sqlite|postgresql) \d+(\.\d+)+"), r"\1 VERSION"),
    (re.compile(r"postgresql://[^\s'\"]+"), SERVER),
    (re.compile(r"retried=\d+"), "retried=N"),
    (re.compile(r" +[\d.]+ ms| +\d+m?s$", re.MULTILINE), " TIME"),
    (re.compile(r"\([\d.,]+ m?s\)"), "(TIME)"),
    (re.compile(r" tls=\w+"), ""),
    (re.compile(r"^(driver|bulkq|python|libraries|process|database|session) .*$", re.MULTILINE), r"\1 ..."),
    (re.compile(r"Python 3\.\d+(\.\d+)?"), "PYTHON"),
)
"""What differs from run to run."""

RANGES = re.compile(r"\b(ok|n)=\d+")
"""Numbers of ranges, which depend on how fast the ranges of a backfill were."""

RUN = re.compile(r"run=([0-9a-z]{10})")
"""Ids of runs that a later command names."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `reason` says why it is not run, `line` is that of its fence."""

    language: str
    text: str
    line: int
    reason: str | None


def pages() -> list[Path]:
    """Every page that readers see, the README first."""
    built = ROOT / "docs" / "_build"
    found = sorted(page for page in (ROOT / "docs").rglob("*.md") if built not in page.parents)
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *found]


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [
        Block(found["language"], found["text"], text.count("\n", 0, found.start()) + 1, found["reason"])
        for found in FENCE.finditer(text)
    ]


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block with what it prints; a here-document belongs to its command."""
    for command, printed in COMMAND.findall(block):
        word = DOCUMENT.search(command)
        if word is None:
            yield command, printed
            continue
        body, _, rest = printed.partition(f"\n{word[1]}\n")
        yield f"{command}\n{body}\n{word[1]}", rest


def scrub(text: str) -> str:
    """`text` with a word for each thing that differs from run to run."""
    for pattern, word in CHANGES:
        text = pattern.sub(word, text)
    if "by ranges of (" in text:
        text = RANGES.sub(r"\1=N", text)
    return text.strip()


class Session:
    """A shell in the demo's folder. Ids of runs in a page stand for those of this session."""

    def __init__(self, folder: Path, environment: Mapping[str, str], server: str, forks: str | None = None) -> None:
        """`server` takes the place of `SERVER`; `environment` is that of every command; `forks` the socket of a fork server."""
        self._folder = folder
        self._server = server
        programs = folder.parent / "programs"
        programs.mkdir(exist_ok=True)
        bulkq = f"-IS '{CLIENT}' '{forks}'" if forks else "-m bulkq"
        for name, start in (("bulkq", bulkq), ("python", "-W error")):
            program = programs / name
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {start} "$@"\n', encoding="utf-8")
            program.chmod(0o755)
        self._environment = {**environment, "PATH": f"{programs}:{environment['PATH']}"}
        self._ids: dict[str, str] = {}

    def type(self, command: str, printed: str) -> str:
        """Execute `command` as the page has it, and give stdout and stderr together; `printed` is what the page shows."""
        for written, real in self._ids.items():
            command = command.replace(written, real)
        output = self._execute(["sh", "-c", f"{{ {command.replace(SERVER, self._server)}\n}} 2>&1"])
        self._ids |= dict(zip(RUN.findall(printed), RUN.findall(output), strict=False))
        return output

    def as_written(self, output: str) -> str:
        """`output` with the ids of the page."""
        for written, real in self._ids.items():
            output = output.replace(real, written)
        return output

    def run_python(self, code: str) -> str:
        """What a Python block prints."""
        return self._execute([sys.executable, "-W", "error", "-c", code.replace(SERVER, self._server)])

    def _execute(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            cwd=self._folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            env=self._environment,
            timeout=60,
        )
        return done.stdout.decode()


def _retype(page: Path, session: Session) -> None:
    """Write into `page` what its commands print now; output that differs in nothing but ids and times stays."""
    text = page.read_text(encoding="utf-8")
    parts, end = [], 0
    for found in FENCE.finditer(text):
        if found["language"] == "python" and not found["reason"]:
            print(session.run_python(found["text"]))
        if found["language"] != "console" or found["reason"]:
            continue
        typed = []
        for command, printed in commands(found["text"]):
            output = session.type(command, printed)
            same = scrub(output) == scrub(printed)
            typed.append(f"$ {command}\n" + (printed if same else _shown(session.as_written(output))))
        parts += [text[end : found.start("text")], "".join(typed)]
        end = found.end("text")
    page.write_text("".join([*parts, text[end:]]), encoding="utf-8")


def _shown(output: str) -> str:
    text = re.sub(r"/\S*/bulkq-demo\b", "/home/ada/bulkq-demo", output.rstrip("\n"))
    text = re.sub(r"/\S*/state/bulkq/", "/home/ada/.local/state/bulkq/", text)
    text = re.sub(r"postgresql://[^\s'\"]+", SERVER, text)
    return f"{text}\n" if text else ""


def _main(names: list[str]) -> None:
    import os
    import tempfile

    for name in names:
        with tempfile.TemporaryDirectory() as home:
            environment = {
                **{k: v for k, v in os.environ.items() if not k.startswith(("BULKQ_", "XDG_", "COLUMNS"))},
                "HOME": home,
                "XDG_STATE_HOME": f"{home}/state",
            }
            subprocess.run(
                [sys.executable, "-m", "bulkq", "demo"], cwd=home, env=environment, capture_output=True, check=True
            )
            session = Session(Path(home) / "bulkq-demo", environment, os.environ.get("BULKQ_TEST_POSTGRES_URL", SERVER))
            _retype(Path(name), session)


if __name__ == "__main__":
    _main(sys.argv[1:])
