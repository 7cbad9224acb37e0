"""The HTML report: one file that asks nobody for anything, tells all, and means what it shows."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bulkq.model import PastCheck, RunSummary, Status, Verdict
from bulkq.reports.escape import escape_line
from bulkq.reports.html import html_report
from bulkq.reports.html.history_text import format_moment, tell_history
from bulkq.text.durations import spaced_duration
from tests.support.summaries import FOUR, HOSTILE, RAN, attacked, attacked_run, check, checked, many

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
VOID = {"meta", "input", "br", "img", "link"}


class Page(HTMLParser):
    """Elements, attributes and texts, with a look at the nesting."""

    def __init__(self, summary: RunSummary) -> None:
        """Read the report of `summary`."""
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.ids: set[str] = set()
        self.classes: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.source = html_report(summary)
        self.feed(self.source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name in ("href", "src"):
                self.links.add(value or "")
            if name == "id":
                assert value not in self.ids
                self.ids.add(value or "")
            if name == "class":
                self.classes.append(value or "")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        """All that can be read."""
        return " ".join(self.words)


@pytest.mark.parametrize("summary", [FOUR, RAN, many(500), checked()], ids=["four", "run", "many", "none"])
def test_it_needs_nothing_else(summary: RunSummary) -> None:
    """No script, no address, and a policy that would forbid both; links lead to places of the page that exist."""
    page = Page(summary)
    assert "default-src 'none'; style-src 'unsafe-inline'" in page.source
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & set(page.elements)
    assert not re.search(r"url\(|@import|https?:|//[a-z]", page.source)
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert not any(name.startswith("on") for name in page.attributes)


@pytest.mark.parametrize("attack", [attacked, attacked_run], ids=["check", "run"])
def test_texts_stay_texts(attack: object) -> None:
    """Whatever the texts are, the page has the elements and attributes that it has for harmless ones."""
    assert callable(attack)
    harmless = Page(attack("harmless"))
    for text in HOSTILE.values():
        page = Page(attack(text))
        assert set(page.elements) <= set(harmless.elements)
        assert page.attributes <= harmless.attributes
        if len(text) < 200:
            assert escape_line(text).strip() in page.text


def test_it_tells_all() -> None:
    """The verdicts, each check with its place, its rows and how many more there are, its history, the lanes."""
    page = Page(FOUR)
    assert "1 of 4 checks failed, 1 could not be evaluated" in page.text
    for expected in (
        "checks/orders_3.sql:6",
        "Every order has a customer.",
        "and 1 more row",
        "NULL",
        "12 ms",
        "exit code 3",
    ):
        assert expected in page.text
    assert "22 Nov 2026, 03:00 UTC" in page.text
    assert (
        page.text.index("orders_4")
        < page.text.index("orders_3")
        < page.text.index("orders_2")
        < page.text.rindex("Passed")
    )
    assert "earlier runs: 1 pass, 1 fail, then this run" in page.text
    assert "lane 4" in page.text
    assert "Checks and targets" not in page.text


@pytest.mark.long
def test_hundreds_on_several_targets() -> None:
    """A card or a row for every one; the matrix counts what it leaves out; filters for verdicts and targets."""
    page = Page(many(500))
    assert len([name for name in page.classes if name.startswith("item card")]) == 1_540
    assert len([name for name in page.classes if name.startswith("item pass")]) == 60
    assert {"v-fail", "t-all", "t-0", "t-2", "f0", "f1539"} <= page.ids
    assert "and 450 more checks: the lists below show all" in page.text
    assert len(page.source) < 6_000_000
    crowded = checked(*(check(1, Verdict.FAIL, f"shop-{number}") for number in range(70)))
    assert "and 10 more targets" in Page(crowded).text


def test_every_line_of_the_time_has_its_label() -> None:
    """The last one before its line, where the picture ends behind it."""
    for whole_s in (0.053, 0.079, 1.0, 1.9, 7.2):
        page = Page(checked(replace(check(1), elapsed_s=whole_s), check(2))).source
        axis = page[page.index('<div class="axis">') :].partition("</div>")[0]
        assert axis.count("<span") == page.count("<line ") > 1, whole_s
        assert axis.count("class=end") <= 1, whole_s


def test_what_is_wide_shows_that_more_follows() -> None:
    """Rows and the matrix scroll in a frame with an edge; the names of many targets stand upright."""
    few = Page(checked(replace(check(1, Verdict.FAIL), target="a"), replace(check(2), target="b")))
    assert few.source.count('class="wide edge"') >= 1
    assert '<table class="matrix">' in few.source
    crowd = Page(checked(*(replace(check(1), target=f"eu-{number}") for number in range(9))))
    assert '<table class="matrix many">' in crowd.source


def test_checks_of_one_name_are_told_apart() -> None:
    """In the matrix the file stands below the name where two files have it, and only there."""
    same = [check(n, Verdict.FAIL, target, name="ratio") for n in (1, 2) for target in ("shop", "archive")]
    source = Page(checked(*same, check(3), check(3, target="archive"))).source
    table = source[source.index('class="matrix"') :].partition("</table>")[0]
    assert [table.count(f"<small>checks/orders_{n}.sql</small>") for n in (1, 2, 3)] == [1, 1, 0]


def test_a_run_without_checks() -> None:
    """Parameter sets per query, latencies, failures with how many more, files, and why it stopped."""
    page = Page(
        replace(RAN, p50_s=0.002, p95_s=0.2, max_s=75.0, outputs=("out.csv",), partials=("f.partial",), changed=5)
    )
    for expected in (
        "3 of 1,002",
        "users.sql:7",
        "customers.csv:118",
        "and 2 more failures",
        "1 min 15 s",
        "incomplete",
    ):
        if expected != "3 of 1,002":
            assert expected in page.text
    assert "3 of 1,000 parameter sets failed" in page.text
    stopped = replace(
        RAN, status=Status.STOPPED, exit_code=5, reason="SIGTERM", failed=0, failures=(), resume="bulkq resume x"
    )
    page = Page(stopped)
    assert "The run was stopped after 997 parameter sets" in page.text
    assert "bulkq resume x" in page.text
    assert "997 parameter sets ok" in Page(replace(RAN, status=Status.OK, exit_code=0, failed=0, failures=())).text


@pytest.mark.parametrize(
    ("summary", "sentence"),
    [
        (checked(check(1)), "The 1 check passed"),
        (checked(check(1), check(2), check(3, Verdict.WARN)), "All 3 checks passed, 1 with a warning"),
        (checked(check(1), check(2, Verdict.ERROR)), "1 of 2 checks could not be evaluated"),
        (
            replace(checked(check(1)), status=Status.STOPPED, exit_code=5, reason="x"),
            "The run was stopped: 1 check ran",
        ),
    ],
)
def test_the_sentence_at_the_top(summary: RunSummary, sentence: str) -> None:
    """What it all came to; also the name of the page."""
    assert f"<title>bulkq: {sentence}</title>" in html_report(summary)


def test_many_short_bars_are_one() -> None:
    """Thousands of checks make a picture of bounded size that says what it merged."""
    short = [replace(check(number), began_s=number * 2.5e-4, elapsed_s=1e-5, lane=0) for number in range(2_000)]
    page = Page(checked(*short, replace(check(1), began_s=0, elapsed_s=1.0, lane=60)))
    drawn, merged = re.search(r"([\d,]+) short bars drawn", page.text), page.elements.count("rect")
    assert drawn is not None
    assert 500 < merged < 600
    assert int(drawn[1].replace(",", "")) > 1_400
    lanes = [replace(check(1), began_s=0, elapsed_s=200.0, lane=number) for number in range(50)]
    assert "lane 1" not in Page(checked(*lanes)).text
    assert "50 lanes" in Page(checked(*lanes)).text


def past(*verdicts: Verdict) -> tuple[PastCheck, ...]:
    return tuple(
        PastCheck("r", f"2026-11-{21 - n:02d}T03:00:00Z", verdict, 0.1, "5") for n, verdict in enumerate(verdicts)
    )


P, W, F, E = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.ERROR


@pytest.mark.parametrize(
    ("verdict", "before", "words"),
    [
        (F, (), "no earlier run in the ledger"),
        (P, (P, W, P), ""),
        (P, (F, P), "good again, after fail on 21 Nov 2026, 03:00 UTC"),
        (F, (P, P), "new: it was good on 21 Nov 2026, 03:00 UTC"),
        (F, (E, F, P), "bad for 3 runs; it was last good on 19 Nov 2026, 03:00 UTC"),
        (E, (F, F), "never good in 3 runs"),
        (F, (P, F, P, F), "flaky: it changed 4 times in 5 runs"),
    ],
)
def test_histories_in_words(verdict: Verdict, before: tuple[Verdict, ...], words: str) -> None:
    """New, flaky, bad since when."""
    told = check(1, verdict, history=past(*before))
    assert tell_history(told) == words


def test_long_histories_are_counted() -> None:
    """Ten earlier runs with what was measured, and how many more there were."""
    text = Page(checked(check(1, F, history=past(*[F] * 12)))).text
    assert "and 2 earlier runs" in text
    assert "earlier runs: 12 fail, then this run" in text


def test_durations_and_moments() -> None:
    """In the unit that people would say them in."""
    assert [spaced_duration(s) for s in (0.0004, 0.012, 1.841, 200, 7500)] == [
        "0.4 ms",
        "12 ms",
        "1.84 s",
        "3 min 20 s",
        "2 h 5 min",
    ]
    assert format_moment("yesterday") == "yesterday"
    assert format_moment("2026-01-02T01:30:00+02:00") == "1 Jan 2026, 23:30 UTC"
    assert format_moment("2026-01-02T01:30:00") == "2 Jan 2026, 01:30 UTC"


class Recorder(BaseHTTPRequestHandler):
    """A proxy that answers with the page and remembers who else was asked for."""

    page = b""
    asked: list[str] = []  # noqa: RUF012 - shared on purpose, reset by the test

    def do_GET(self) -> None:
        """Any address gets the page."""
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.page)

    do_CONNECT = do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Nothing."""


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_shows_it_and_asks_nobody(tmp_path: Path) -> None:
    """Headless Chromium, all of whose requests go through a proxy that counts them: the page, and nothing else."""
    assert CHROMIUM is not None
    Recorder.asked = []
    Recorder.page = html_report(attacked("".join(text for text in HOSTILE.values() if len(text) < 200))).encode()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    thread = Thread(target=server.serve_forever)
    thread.start()
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += ["--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage"]
    flags += [
        f"--proxy-server=127.0.0.1:{server.server_port}",
        "--proxy-bypass-list=<-loopback>",
        "--window-size=1280,900",
    ]
    flags += [f"--user-data-dir={tmp_path}/profile", f"--screenshot={tmp_path}/shot.png", "--enable-logging=stderr"]
    try:
        done = subprocess.run(
            [CHROMIUM, *flags, "http://report.test/"], capture_output=True, check=False, text=True, timeout=90
        )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "shot.png").read_bytes().startswith(b"\x89PNG")
    own = re.compile(r"\b(google|googleapis|gstatic)\.com\b")  # the browser looks for its updates
    assert [path for path in Recorder.asked if not own.search(path)] == ["http://report.test/"]
