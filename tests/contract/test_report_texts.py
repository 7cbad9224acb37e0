"""Texts from a database do nothing to the reader of a report, whatever they are, in every format."""

from __future__ import annotations

import html as html_library
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt
from sarif_kit.validate import validation_errors

from bulkq.model import RunSummary
from bulkq.reports import ReportRequest, failure_lines, summary_line, write_report
from bulkq.reports.escape import escape_cell, escape_line, escape_markdown, escape_workflow_commands, format_code
from bulkq.reports.findings import list_findings
from bulkq.reports.github import SUMMARY_BYTES, github_annotations, job_summary
from bulkq.reports.write import FORMATS
from tests.support.report_formats import COMMAND, junit_schema
from tests.support.summaries import HOSTILE, attacked, attacked_run

Attack = Callable[[str], RunSummary]
BOTH = pytest.mark.parametrize("attack", [attacked, attacked_run], ids=["check", "run"])


@BOTH
@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"terminal"}))
def test_every_format_is_printable_text(name: str, attack: Attack) -> None:
    """UTF-8 without control characters, overrides or halves of characters, however long the texts are."""
    for text in HOSTILE.values():
        made = FORMATS[name](attack(text))
        assert all(character.isprintable() or character == "\n" for character in made)
        made.encode()
        if name != "json":  # where values stay whole
            assert len(made) < 500_000, name


@BOTH
def test_stderr_is_printable_text(attack: Attack) -> None:
    """The lines of failures and the last line, each one line."""
    for text in HOSTILE.values():
        summary = attack(text)
        for shown in (*failure_lines(summary), summary_line(summary)):
            assert shown.isprintable()


@BOTH
def test_junit_stays_valid(attack: Attack) -> None:
    """By the schema, with as many cases as there are, and the texts come back as they are printed."""
    for text in HOSTILE.values():
        summary = attack(text)
        made = FORMATS["junit"](summary)
        junit_schema().validate(made)
        root = ET.fromstring(made)
        assert len(root.findall(".//testcase")) == len(list_findings(summary))
        if attack is attacked:
            assert escape_line(text) in {failure.attrib.get("message", "") for failure in root.iter("failure")}


@BOTH
def test_json_keeps_the_values(attack: Attack) -> None:
    """JSON escapes, so nothing is lost; and it is valid UTF-8."""
    for text in HOSTILE.values():
        report = json.loads(FORMATS["json"](attack(text)).encode())
        assert report["reason"] == text
        if attack is attacked:
            assert report["checks"][0]["sample"] == [[text, None], [text, text]]


@BOTH
def test_sarif_and_gitlab_stay_valid(attack: Attack) -> None:
    """SARIF by its schema; GitLab's paths, lines and severities are there."""
    for text in HOSTILE.values():
        summary = attack(text)
        assert validation_errors(json.loads(FORMATS["sarif"](summary))) == []
        for issue in json.loads(FORMATS["gitlab"](summary)):
            assert issue["severity"] in {"minor", "major", "critical"}
            assert issue["location"]["lines"]["begin"] >= 1


@BOTH
def test_prove_counts_what_there_is(tmp_path: Path, attack: Attack) -> None:
    """No text becomes a test, a plan or a directive for Perl's consumer."""
    prove = shutil.which("prove")
    if prove is None:
        pytest.skip("prove (of Perl) is not installed")
    expected = skipped = 0
    for number, text in enumerate(HOSTILE.values()):
        summary = attack(text)
        (tmp_path / f"{number}.tap").write_text(FORMATS["tap"](summary), encoding="utf-8")
        expected += sum(finding.verdict in ("fail", "error") for finding in list_findings(summary))
        skipped += sum(finding.verdict == "skip" for finding in list_findings(summary))
    files = [f"{number}.tap" for number in range(len(HOSTILE))]
    done = subprocess.run([prove, "--exec", "cat", *files], capture_output=True, check=False, cwd=tmp_path, text=True)
    assert "Parse errors" not in done.stdout
    assert "TODO" not in done.stdout
    assert sum(map(int, re.findall(r"less (\d+) skipped", done.stdout))) == skipped
    assert sum(map(int, re.findall(r"Failed (\d+)/\d+ subtests", done.stdout))) == expected


@BOTH
def test_github_gets_only_our_commands(attack: Attack) -> None:
    """Each line is one command of ours with the properties that we gave it."""
    for text in HOSTILE.values():
        summary = attack(text)
        commands = github_annotations(summary).splitlines()
        assert len(commands) == sum(finding.verdict not in ("pass", "skip") for finding in list_findings(summary))
        for command in commands:
            match = COMMAND.fullmatch(command)
            assert match is not None, command
            assert match[3] in ("7", None)
        assert len(job_summary(summary).encode()) < SUMMARY_BYTES


class Seen(HTMLParser):
    """The text of a page and its elements."""

    def __init__(self, page: str) -> None:
        """Read `page`."""
        super().__init__(convert_charrefs=True)
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words.append(data)


RENDERER = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table", "strikethrough"])


@BOTH
def test_markdown_renders_as_text(attack: Attack) -> None:
    """Rendered, the report has only the elements that it has for harmless texts."""
    for text in HOSTILE.values():
        harmless = Seen(RENDERER.render(FORMATS["markdown"](attack("harmless")))).elements
        seen = Seen(RENDERER.render(FORMATS["markdown"](attack(text))))
        assert seen.elements <= harmless
        assert seen.attributes <= {"style"}  # of the cells' alignment
        rows = attack("harmless")
        tables = RENDERER.render(FORMATS["markdown"](rows)).count("<tr>")
        assert RENDERER.render(FORMATS["markdown"](attack(text))).count("<tr>") == tables


def test_markdown_shows_the_text() -> None:
    """A reader sees the printable form, in a paragraph and in a cell, and nobody is mentioned."""
    for text in HOSTILE.values():
        shown = escape_line(text)
        seen = "".join(Seen(RENDERER.render(f"x{escape_markdown(text)}x")).words)
        assert re.sub(" +", " ", seen.strip()) == re.sub(" +", " ", f"x{shown}x")
        in_table = Seen(RENDERER.render(f"| a |\n|--|\n| {format_code(escape_cell(text))} |\n"))
        assert "".join(in_table.words).split() == ["a", *escape_cell(text).split()]
        assert not re.search(r"@\w", escape_markdown(text))


def test_long_texts_are_cut_with_a_count() -> None:
    """What is left out is said."""
    assert escape_line("x" * 2_345).endswith("xx... (345 more characters)")
    assert escape_cell("y" * 1_300).endswith("yy... (1,000 more characters)")
    assert html_library.unescape(escape_cell(None)) == "NULL"


def test_a_log_that_github_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports on stdout and lines on stderr hold no command for its runner; elsewhere they are left alone."""
    summary = attacked("##[stop-commands]x ::error::y")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for name in set(FORMATS) - {"github"}:
        stdout = io.BytesIO()
        write_report(ReportRequest(name), summary, stdout)
        printed = stdout.getvalue().decode()
        assert "##[" not in printed
        assert not re.search(r"^\s*::", printed, re.MULTILINE)
        if name == "json":
            assert json.loads(printed)["reason"] == "##[stop-commands]x ::error::y"
    assert escape_workflow_commands("a\n  ::error::b") == "a\n  \\::error::b"
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert escape_workflow_commands("##[x] \n::y") == "##[x] \n::y"
