"""What a check says of the data: one table for the conditions, and what each verdict needs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkq.checks import verdict as deciding
from bulkq.checks.verdict import CheckDecision, ComparisonResult, Measurement
from bulkq.model import Column, PastCheck, Verdict
from bulkq.model.check_conditions import CheckRules
from bulkq.query.check_headers import parse_condition

TODAY = date(2026, 11, 22)
ONE = (Column("n", "bigint"),)
TWO = (Column("id", "bigint"), Column("at", "timestamp with time zone"))


def decide(
    measured: Measurement, *expect: str, warn: tuple[str, ...] = (), fail: tuple[str, ...] = ()
) -> CheckDecision:
    rules = CheckRules(
        expect=tuple(map(parse_condition, expect)),
        warn=tuple(map(parse_condition, warn)),
        fail=tuple(map(parse_condition, fail)),
    )
    return deciding.decide(rules, measured, TODAY)


def value(text: str | None, **more: object) -> Measurement:
    return Measurement(rows=1, columns=ONE, value=text, **more)  # type: ignore[arg-type]


def text(text: str | None, **more: object) -> Measurement:
    return Measurement(rows=1, columns=(Column("n", "varchar(20)"),), value=text, **more)  # type: ignore[arg-type]


def untyped(text: str | None, **more: object) -> Measurement:
    return Measurement(rows=1, columns=(Column("n"),), value=text, **more)  # type: ignore[arg-type]


def rows(count: int, **more: object) -> Measurement:
    return Measurement(rows=count, columns=TWO, value="1" if count else None, **more)  # type: ignore[arg-type]


def past(value: str | None = None, rows: int | None = None, verdict: Verdict = Verdict.PASS) -> PastCheck:
    return PastCheck(run="01kb4w", at="2026-11-21T00:00:00Z", verdict=verdict, elapsed_s=0.1, value=value, rows=rows)


@pytest.mark.parametrize(
    ("measured", "expect", "verdict", "message"),
    [
        (rows(0), "", "pass", "no rows"),
        (rows(3), "", "fail", "3 rows, expected none"),
        (rows(1), "empty", "fail", "1 row, expected none"),
        (rows(1234), "not empty", "pass", "1,234 rows"),
        (rows(0), "not empty", "fail", "no rows, expected not empty"),
        (rows(5), "rows = 5", "pass", "5 rows"),
        (rows(5), "rows <> 5", "fail", "5 rows, expected rows <> 5"),
        (rows(5), "rows < 5", "fail", "5 rows, expected rows < 5"),
        (rows(5), "rows <= 5", "pass", "5 rows"),
        (rows(5), "rows > 5", "fail", "5 rows, expected rows > 5"),
        (rows(5), "rows >= 5", "pass", "5 rows"),
        (rows(5), "rows between 1 and 4", "fail", "5 rows, expected rows between 1 and 4"),
        (value("0.995"), "value >= 0.99", "pass", "value 0.995"),
        (value("0.1"), "value = 0.1", "pass", "value 0.1"),
        (value("0.30000000000000000001"), "value = 0.3", "fail", "value 0.30000000000000000001, expected value = 0.3"),
        (value("99999999999999999999"), "value = 99999999999999999998", "fail", "value 99999999999999999999, expected"),
        (value("Infinity"), "value > 5", "pass", "value Infinity"),
        (value("ok"), "value = 'ok'", "pass", "value ok"),
        (value("ok"), "value <> 'ok'", "fail", "value ok, expected value <> 'ok'"),
        (value("t"), "value = true", "pass", "value t"),
        (value("0"), "value = true", "fail", "value 0, expected value = true"),
        (value("false"), "value <> true", "pass", "value false"),
        (value("x" * 200), "value = 'x'", "fail", "value " + "x" * 77 + "..., expected"),
        (value("secret", masked=True), "value = 'x'", "fail", "value ***, expected value = 'x'"),
        (value(None), "value = 0", "error", "the value is NULL"),
        (value("abc"), "value = 0", "error", 'the value "abc" is not a number'),
        (value("NaN"), "value >= 0", "error", 'the value "NaN" is not a number'),
        (value("1_000"), "value = 1000", "error", 'the value "1_000" is not a number'),
        (value("\u0661\u0662"), "value = 12", "error", 'the value "\u0661\u0662" is not a number'),
        (value("abc", masked=True), "value = 0", "error", 'the value "***" is not a number'),
        (value("yes"), "value = true", "error", 'the value "yes" is neither true nor false'),
        (Measurement(0, ONE), "value = 0", "error", "expected one row, the query returned no rows"),
        (Measurement(2, ONE, "1"), "value = 0", "error", "expected one row, the query returned 2 rows"),
        (
            rows(1),
            "value = 0",
            "error",
            "expected one row with one column, the query returned (id bigint, at timestamp",
        ),
        (rows(0), "columns = (id int8, at timestamptz)", "pass", "columns (id bigint, at timestamp with time zone)"),
        (rows(9), "columns = (id, at)", "pass", "columns (id bigint, at timestamp with time zone)"),
        (
            rows(0),
            "columns = (id int4, at timestamptz)",
            "fail",
            "columns (id bigint, at timestamp with time zone), expected",
        ),
        (rows(0), "columns = (at, id)", "fail", "columns (id bigint"),
        (rows(0), "columns = (id)", "fail", "columns (id bigint"),
        (
            Measurement(0, (Column("x"),)),
            "columns = (x text)",
            "error",
            'the database does not report the type of column "x"',
        ),
        (rows(3, compared=ComparisonResult("b", same=True)), "same as b", "pass", "3 rows, the same as b"),
        (
            rows(3, compared=ComparisonResult("b on r", same=False, here=1, there=1200)),
            "same as b on r",
            "fail",
            "1 row only here, 1,200 rows only in b on r, expected same as b on r",
        ),
        (
            rows(3, compared=ComparisonResult("b", same=False, rows=4000)),
            "same as b",
            "fail",
            "the 3 rows are not the 4,000 of b, and too large to compare",
        ),
        (
            rows(3, compared=ComparisonResult("b", same=False, here=1, there=2, at_least=True)),
            "same as b",
            "fail",
            "at least 1 row only here, at least 2 rows only in b",
        ),
        (text("a "), "value = 'a'", "fail", 'value "a ", expected'),
        (text("NULL"), "value = 'a'", "fail", 'value "NULL", expected'),
        (text("a "), "value > 1", "error", 'the value "a " is not a number'),
        (text("p\u0430y"), "value = 'pay'", "fail", "value p\\u0430y, expected value = 'pay'"),
        (
            rows(3, compared=ComparisonResult("b", same=False, columns=1)),
            "same as b",
            "error",
            "2 columns cannot be the same as the 1 of b",
        ),
        (rows(3), "same as b", "error", "same as b: nothing was compared"),
        (rows(3), "unchanged", "error", "unchanged: there is no ledger to compare with: remove --ledger none"),
        (
            value("3", masked=True, past=()),
            "unchanged",
            "error",
            "unchanged: the value is masked and therefore not in the ledger",
        ),
        (rows(3, past=()), "unchanged", "warn", "3 rows, no earlier run to compare with"),
        (value("10", past=()), "unchanged 5%", "warn", "value 10, no earlier run to compare with"),
        (value("104", past=[past("100")]), "unchanged 4%", "pass", "value 104 (it was 100 in run 01kb4w)"),
        (
            value("105", past=[past("100")]),
            "unchanged 4%",
            "fail",
            "value 105 (it was 100 in run 01kb4w), expected unchanged 4%",
        ),
        (value("-105", past=[past("-100")]), "unchanged 5%", "pass", "value -105 (it was -100 in run 01kb4w)"),
        (value("1", past=[past("0")]), "unchanged 50%", "fail", "value 1 (it was 0"),
        (rows(3, past=[past(rows=3)]), "unchanged", "pass", "3 rows (it was 3 in run 01kb4w)"),
        (
            rows(3, past=[past(rows=4)]),
            "rows unchanged",
            "fail",
            "3 rows (it was 4 in run 01kb4w), expected rows unchanged",
        ),
        (value("5", past=[past("9", 1)]), "rows unchanged", "pass", "1 row (it was 1 in run 01kb4w)"),
        (
            rows(3, past=[past("100", 1)]),
            "unchanged",
            "warn",
            "3 rows, run 01kb4w measured a value, this one rows: the",
        ),
        (
            value("3", past=[past(None, 7)]),
            "unchanged",
            "warn",
            "value 3, run 01kb4w measured rows, this one a value: the",
        ),
        (value("3", past=[past("***")]), "value unchanged", "warn", "value 3, run 01kb4w measured no number, this one"),
        (value("3", past=[past("Infinity")]), "unchanged", "warn", "value 3, run 01kb4w measured no number, this one"),
        (value("3", past=[past("NaN")]), "unchanged 5%", "warn", "value 3, run 01kb4w measured no number, this one"),
        (value("3", past=[past(None, 7)]), "value unchanged", "warn", "value 3, run 01kb4w measured rows, this one a"),
        (rows(3, past=[past("3")]), "rows unchanged", "warn", "3 rows, run 01kb4w measured a value, this one rows"),
        (text("abc", past=[past(None, 1)]), "unchanged", "pass", "1 row (it was 1 in run 01kb4w)"),
        (text("abc", past=[past("abc", 1)]), "unchanged", "pass", "1 row (it was 1 in run 01kb4w)"),
        (text(None, past=[past(None, 1)]), "unchanged", "pass", "1 row (it was 1 in run 01kb4w)"),
        (text("NaN", past=[past(None, 1)]), "unchanged", "pass", "1 row (it was 1 in run 01kb4w)"),
        (text("7", past=[past("7", 1)]), "unchanged", "pass", "value 7 (it was 7 in run 01kb4w)"),
        (value(None, past=[past("3")]), "unchanged 5%", "error", "the value is NULL"),
        (value(None, past=()), "unchanged 5%", "error", "the value is NULL"),
        (value("NaN", past=[past("3")]), "unchanged 5%", "error", 'the value "NaN" is not a number'),
        (
            value("Infinity", past=[past("3")]),
            "unchanged 5%",
            "error",
            'the value "Infinity" is infinite, so its change',
        ),
        (value("-Infinity", past=()), "value unchanged", "error", 'the value "-Infinity" is infinite, so its change'),
        (untyped(None, past=()), "unchanged", "error", "the value is NULL"),
        (untyped("Infinity", past=()), "unchanged", "error", 'the value "Infinity" is infinite'),
        (untyped("abc", past=[past(None, 1)]), "unchanged", "pass", "1 row (it was 1 in run 01kb4w)"),
        (value("abc", past=[past(None, 1)]), "unchanged", "error", 'the value "abc" is not a number'),
        (value("x", past=[past("3")]), "value unchanged", "error", 'the value "x" is not a number'),
    ],
)
def test_an_expectation_decides(measured: Measurement, expect: str, verdict: str, message: str) -> None:
    """Every condition on every answer that matters to it; numbers are exact, and what cannot be told is an error."""
    found = decide(measured, *([expect] if expect else []))
    assert (found.verdict.value, found.message[: len(message)]) == (verdict, message)


@pytest.mark.parametrize(
    ("count", "expect", "warn", "fail", "verdict", "message"),
    [
        (0, (), ("rows > 0",), ("rows > 10",), "pass", "no rows"),
        (5, (), ("rows > 0",), ("rows > 10",), "warn", "5 rows, warns on rows > 0"),
        (11, (), ("rows > 0",), ("rows > 10",), "fail", "11 rows, fails on rows > 10"),
        (5, (), ("rows > 0",), (), "warn", "5 rows, warns on rows > 0"),
        (5, (), (), ("rows > 10",), "pass", "5 rows"),
        (5, ("rows < 5",), ("rows > 0",), (), "fail", "5 rows, expected rows < 5"),
        (4, ("rows < 5",), ("rows > 0",), (), "warn", "4 rows, warns on rows > 0"),
        (4, ("rows < 5", "not empty"), (), (), "pass", "4 rows"),
        (
            5,
            ("rows < 5", "rows < 4"),
            (),
            ("rows > 3",),
            "fail",
            "5 rows, expected rows < 5, expected rows < 4, fails on rows > 3",
        ),
        (
            5,
            (),
            ("value > 0",),
            ("rows > 1",),
            "error",
            "expected one row with one column, the query returned (id bigint",
        ),
    ],
)
def test_warn_and_fail_name_the_bad(
    count: int, expect: tuple[str, ...], warn: tuple[str, ...], fail: tuple[str, ...], verdict: str, message: str
) -> None:
    """They replace the default; an expectation beside them decides fail; an error outranks everything."""
    found = decide(rows(count), *expect, warn=warn, fail=fail)
    assert (found.verdict.value, found.message[: len(message)]) == (verdict, message)


def test_the_measured_value_is_told_whatever_the_verdict() -> None:
    """On a pass too; not where there is none, nor where rows were measured."""
    assert decide(value("3"), "value = 3").value == "3"
    assert decide(value("4"), "value = 3").value == "4"
    assert decide(value("x"), "value = 3").value == "x"
    assert decide(value("4", past=[past("4")]), "unchanged").value == "4"
    assert decide(Measurement(2, ONE, "1"), "value = 3").value is None
    assert decide(rows(3)).value is None
    assert decide(value("7", past=[past("7", 1)]), "rows unchanged").value is None


def test_what_has_compared_nothing_neither_warns_of_itself_nor_fails() -> None:
    """The first run of a bad `unchanged` has seen no value that stayed; the second has."""
    for where in ("warn", "fail"):
        first = decide(value("3", past=()), **{where: ("unchanged",)})  # type: ignore[arg-type]
        assert (first.verdict.value, first.message) == ("warn", "value 3, no earlier run to compare with")
    assert decide(value("3", past=[past("3")]), fail=("unchanged",)).verdict is Verdict.FAIL


def test_until_makes_a_failure_a_warning() -> None:
    """Up to and including its day; never an error."""

    def on(day: date, count: int = 2) -> CheckDecision:
        return deciding.decide(CheckRules(until=date(2026, 11, 22)), rows(count), day)

    assert on(date(2026, 11, 22)) == CheckDecision(
        Verdict.WARN, "2 rows, expected none (known, a warning until 2026-11-22)"
    )
    assert on(date(2026, 11, 23)) == CheckDecision(Verdict.FAIL, "2 rows, expected none (was known until 2026-11-22)")
    assert on(TODAY, 0).verdict is Verdict.PASS
    unknowable = CheckRules(expect=(parse_condition("value = 1"),), until=TODAY)
    assert deciding.decide(unknowable, value(None), TODAY).verdict is Verdict.ERROR


def test_conditions_in_words() -> None:
    """As they were written, and "empty" where nothing was."""

    def words(*expect: str, warn: str = "", fail: str = "") -> str:
        bad = [(parse_condition(text),) if text else () for text in (warn, fail)]
        return deciding.expected(CheckRules(expect=tuple(map(parse_condition, expect)), warn=bad[0], fail=bad[1]))

    assert words() == "empty"
    assert words("value >= 0.99", "rows = 1") == "value >= 0.99 and rows = 1"
    assert words(warn="rows > 0") == "warns on rows > 0"
    assert words(warn="rows > 0", fail="rows > 10") == "not rows > 10 (warns on rows > 0)"


@pytest.mark.parametrize(
    ("name", "other", "same"),
    [
        ("int", "integer", True),
        ("INT8", "bigint", True),
        ("timestamp(3) with time zone", "timestamptz", True),
        ("numeric(10,2)", "decimal", True),
        ("int[]", "integer[]", True),
        ("varchar(10)[]", "character varying[]", True),
        ("int[]", "integer", False),
        ("text", "character varying", False),
    ],
)
def test_a_type_has_many_names(name: str, other: str, same: bool) -> None:
    """PostgreSQL's manual lists them; a length that some driver tells does not count."""
    found = Measurement(0, (Column("x", name),))
    assert decide(found, f"columns = (x {other})").verdict is (Verdict.PASS if same else Verdict.FAIL)


def test_a_check_that_goes_back_and_forth_is_flaky() -> None:
    """Two changes between good and bad; errors say nothing, and one change is news."""

    def is_flaky(text: str) -> bool:
        kinds = {"p": Verdict.PASS, "w": Verdict.WARN, "f": Verdict.FAIL, "e": Verdict.ERROR}
        return deciding.flaky([past(verdict=kinds[letter]) for letter in text])

    assert is_flaky("pfp")
    assert is_flaky("fepewf")
    assert not any(map(is_flaky, ("", "p", "ppff", "pwpw", "pepep", "eee")))


def test_the_worst_verdict_counts() -> None:
    """Error, fail, warn, pass; nothing is a pass."""
    assert deciding.worst([Verdict.PASS, Verdict.WARN]) is Verdict.WARN
    assert deciding.worst([Verdict.FAIL, Verdict.ERROR, Verdict.PASS]) is Verdict.ERROR
    assert deciding.worst([]) is Verdict.PASS


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20))))
def test_lanes_never_overlap(spans: list[tuple[int, int]]) -> None:
    """Of one lane no two spans share a moment, and there are no more lanes than spans at once."""
    ended = [(float(began), float(began + took)) for began, took in spans]
    given_lanes = deciding.lanes(ended)
    for i, (began, end) in enumerate(ended):
        for j in range(i):
            if given_lanes[i] == given_lanes[j]:
                assert end <= ended[j][0] or ended[j][1] <= began
    most = max((sum(b <= began < e for b, e in ended) for began, _ in ended), default=0)
    assert max(given_lanes, default=-1) < max(most, 0)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6), st.sampled_from(["=", "<>", "<", "<=", ">", ">="]))
def test_numbers_compare_exactly(number: Decimal, operator: str) -> None:
    """The text of a number is the number, whatever its size."""
    found = decide(value(str(number)), f"value {operator} 0.1").verdict
    exact = Decimal("0.1")
    wanted = {
        "=": number == exact,
        "<>": number != exact,
        "<": number < exact,
        "<=": number <= exact,
        ">": number > exact,
        ">=": number >= exact,
    }[operator]
    assert (found is Verdict.PASS) is wanted
