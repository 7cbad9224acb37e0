"""Summaries by hand, and texts that mean something to a reader of some format."""

from __future__ import annotations

from dataclasses import replace

from bulkq.model import CheckResult, Failure, Outcome, PastCheck, QueryCounts, RunSummary, Status, Verdict

HOSTILE = {
    "ansi": "\x1b[2J\x1b]0;title\x07red",
    "nul": "a\x00b\x01\x0b\x7f",
    "c1": "\x9b31m\x85",
    "bidi": "user\u202etxt.exe\u2066\u2069",
    "invisible": "a\u200bb\ufeffc\u2028d\u2029e",
    "lines": "one\ntwo\r\nthree\rfour",
    "surrogate": "x\udc80y\ud800z",
    "unassigned": "\ufffe\uffff\U000e0001",
    "cdata": "]]> <![CDATA[ x ]]>",
    "comment": "--> <!-- -- -->",
    "entity": "&amp;&#0;&#x1b;&lt;",
    "element": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": "\" onmouseover=alert(1) x=\"' autofocus='",
    "style": "</style><style>@import url(http://127.0.0.1:9/x)</style>",
    "title": "</title></summary></details></svg></td></table>",
    "link": "[x](javascript:alert(1)) ![y](http://127.0.0.1:9/p.png) <http://127.0.0.1:9>",
    "reference": "[x]: http://127.0.0.1:9\n\n[x]",
    "autolink": "http://127.0.0.1:9/a www.example.org a@example.org",
    "mention": "@octocat @org/team #12 org/repo#3 !4",
    "table": "a | b || c \\| d",
    "ticks": "` `` ``` ~~~ `a`",
    "emphasis": "*a* **b** _c_ ~~d~~ # e\n- f\n1. g\n> h\n---\n===",
    "backslashes": "\\ \\\\ \\n \\| \\` trailing\\",
    "command": "::error file=x.sql,line=1::y\n::stop-commands::z",
    "old command": "##[error]x ##[add-mask]y",
    "percent": "%0A::error::x%25%0D",
    "properties": "a,line=99,title=x:y",
    "tap skip": "x # SKIP not today",
    "tap todo": "x \\# TODO later # TODO now",
    "tap lines": "x\nok 99 - y\n1..0\nBail out!",
    "yaml": "...\n---\n- !!python/object:x {a: &b *c}",
    "arguments": "{0} {1} {{2}} {}",
    "json": '"}],"x":[{"\\u0000',
    "spaces": "   ",
    "empty": "",
    "long": "x" * 100_000,
    "long line ends": "\n" * 50_000,
    "wide": "表 \u3000 日本語 e\u0301 👩\u200d💻",
}
"""Texts as a database may hold them, by what they attack."""


def check(number: int = 1, verdict: Verdict = Verdict.PASS, target: str = "shop", **more: object) -> CheckResult:
    """A check with rows where it did not pass."""
    bad = verdict is not Verdict.PASS
    made = CheckResult(
        name=f"orders_{number}",
        file=f"checks/orders_{number % 7}.sql",
        line=3 + number,
        target=target,
        verdict=verdict,
        expected="empty",
        message="3 rows" if bad else "no rows",
        rows=3 if bad else 0,
        columns=("id", "customer") if bad else (),
        sample=(("7", "99"), ("8", None)) if bad else (),
        description="Every order has a customer.",
        owner="data",
        tags=("orders", "nightly"),
        began_s=0.01 * number,
        elapsed_s=0.0125,
        lane=number % 4,
        history=(
            PastCheck("01kb4w", "2026-11-21T03:00:00Z", Verdict.PASS, 0.011, rows=0),
            PastCheck("01kb4v", "2026-11-20T03:00:00Z", Verdict.FAIL, 0.013, rows=1),
        ),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def checked(*checks: CheckResult, **more: object) -> RunSummary:
    """The summary of a run of checks, with the exit code that they give."""
    verdicts = {each.verdict for each in checks}
    code = 3 if Verdict.ERROR in verdicts else 1 if Verdict.FAIL in verdicts else 0
    made = RunSummary(
        run="01kb4x",
        status={0: Status.OK, 1: Status.FAILED, 3: Status.UNKNOWN}[code],
        exit_code=code,
        mode="read",
        targets=tuple(dict.fromkeys(each.target for each in checks)) or ("shop",),
        ok=sum(each.verdict in (Verdict.PASS, Verdict.WARN) for each in checks),
        failed=sum(each.verdict is Verdict.FAIL for each in checks),
        unknown=sum(each.verdict is Verdict.ERROR for each in checks),
        attempts=len(checks),
        elapsed_s=1.84,
        checks=checks,
        started_at="2026-11-22T03:00:00Z",
    )
    return replace(made, **more)  # type: ignore[arg-type]


KINDS = (Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.ERROR)
FOUR = checked(*(check(number, verdict) for number, verdict in enumerate(KINDS, 1)))
"""One of each verdict: pass, warn, fail, error."""

FAILURE = Failure(
    n=117,
    source="customers.csv:118",
    target="shop",
    query="fix",
    params={"id": 4711},
    outcome=Outcome.ROLLED_BACK,
    sqlstate="23514",
    message='violates check "positive"',
    attempts=1,
)

RAN = RunSummary(
    run="01kb4y",
    status=Status.FAILED,
    exit_code=1,
    mode="write",
    targets=("shop",),
    ok=997,
    failed=3,
    elapsed_s=1.84,
    queries=(
        QueryCounts("fix", "users.sql", 7, "shop", ok=997, failed=3, unknown=0),
        QueryCounts("good", "users.sql", 12, "shop", ok=5, failed=0, unknown=0),
    ),
    failures=(FAILURE,),
)
"""Of `bulkq run`."""

SUMMARY = RunSummary(
    run="01kb4x",
    status=Status.FAILED,
    exit_code=1,
    mode="read",
    targets=("shop",),
    ok=997,
    failed=3,
    retried=2,
    elapsed_s=1.84,
    p50_s=0.0881234,
    p95_s=0.231,
    max_s=1.5,
    queries=(QueryCounts("fix", "users.sql", 7, "shop", ok=997, failed=3, unknown=0),),
    failures=(FAILURE,),
)
"""Of a read with retries."""

STOPPED = replace(
    checked(check(1), check(2)),
    status=Status.STOPPED,
    exit_code=5,
    reason="SIGTERM",
    resume="bulkq resume 01kb4x",
    skipped=40,
)
"""Of checks that a signal ended."""


def many(count: int, targets: int = 3) -> RunSummary:
    """`count` failing checks on each of `targets` targets, with a few of the others between."""
    kinds = (Verdict.FAIL, Verdict.FAIL, Verdict.FAIL, Verdict.ERROR, Verdict.FAIL)
    made = [
        check(number, kinds[number % 5], f"shop-{target}", name=f"check_{number}", rows=1_000 + number)
        for target in range(targets)
        for number in range(count)
    ]
    made += [check(9_000 + number, Verdict.WARN, "shop-0") for number in range(40)]
    made += [check(8_000 + number, Verdict.PASS, "shop-1") for number in range(60)]
    return checked(*made)


def attacked(text: str) -> RunSummary:
    """A run in which every text that comes from outside is `text`."""
    past = PastCheck(text, text, Verdict.FAIL, 0.1, text, 3)
    checks = tuple(
        CheckResult(
            name=text,
            file=text,
            line=7,
            target=text,
            verdict=verdict,
            expected=text,
            message=text,
            value=text,
            rows=5,
            columns=(text, text),
            sample=((text, None), (text, text)),
            params={text: text, f"{text}2": None},
            sqlstate=text,
            description=text,
            owner=text,
            tags=(text,),
            history=(past, past),
        )
        for verdict in Verdict
    )
    return checked(*checks, reason=text, resume=text, outputs=(text,), partials=(text,))


def attacked_run(text: str) -> RunSummary:
    """The same for `bulkq run`."""
    failure = Failure(1, text, text, text, {text: text}, Outcome.UNKNOWN, text, text, 1, text, text)
    return replace(
        RAN,
        exit_code=3,
        status=Status.UNKNOWN,
        unknown=1,
        targets=(text,),
        reason=text,
        queries=(QueryCounts(text, text, 7, text, ok=0, failed=3, unknown=1),),
        failures=(failure, failure),
        outputs=(text,),
        partials=(text,),
        resume=text,
    )
