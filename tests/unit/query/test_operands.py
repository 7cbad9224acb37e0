"""What a placeholder meets in a statement of SQLite."""

from __future__ import annotations

import pytest

from bulkq.query import Operand, inline, operands

TEXT, NUMBER, EITHER, COLUMN, NOTHING = Operand.TEXT, Operand.NUMBER, Operand.EITHER, Operand.COLUMN, Operand.NOTHING


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ("a = :v", {COLUMN}),
        ("t.a <> :v", {COLUMN}),
        ("a is not :v", {COLUMN}),
        ("a in (1, :v)", {COLUMN}),
        ("a between :v and 3", {COLUMN}),
        ("cast(a as text) = :v", {COLUMN}),
        (":v in (select b from u)", {COLUMN}),
        ("case a when :v then 1 end", {COLUMN}),
        ("(select a from u) = :v", {COLUMN}),
        ("(a collate nocase) = (:v)", {COLUMN}),
        ("strftime('%Y', a) = :v", {TEXT}),
        (":v <= date(a)", {TEXT}),
        ("substr(a, 1, 2) in (:v)", {TEXT}),
        ("a || b = :v", {TEXT}),
        (":v = '1'", {TEXT}),
        (":v in ('1', '2')", {TEXT}),
        ("case :v when '1' then 1 end", {TEXT}),
        ("case when a then 'x' else 'y' end = :v", {TEXT}),
        ("case when a then 'x' end = :v", {TEXT}),
        ("iif(a, '1', '2') = :v", {TEXT}),
        ("coalesce(:v, 0) = '5'", {TEXT}),
        ("nullif('0', :v) = a", {TEXT}),
        ("printf('%d', a) = :v", {TEXT}),
        ("current_date >= :v", {TEXT}),
        ("count(*) > :v", {NUMBER}),
        ("count(*) filter (where a) over () > :v", {NUMBER}),
        ("a + 1 = :v", {NUMBER}),
        ("length(a) = :v", {NUMBER}),
        ("julianday(a) > :v", {NUMBER}),
        ("(select count(*) from u) = :v", {NUMBER}),
        ("iif(a, 1, 2) = :v", {NUMBER}),
        ("(a > 1) = :v", {NUMBER}),
        (":v between 1 and a", {NUMBER, COLUMN}),
        ("max(a) > :v", {EITHER}),
        ("coalesce(a, 0) = :v", {EITHER}),
        ("a -> '$.b' = :v", {TEXT}),
        ("(lower(a), b) = (:v, 2)", {TEXT}),
        ("(1, :v) = (a, b + 1)", {NUMBER}),
        ("(a, lower(b)) in (values (1, :v))", {TEXT}),
        ("(a, :v) in (select b, lower(c) from u)", {TEXT}),
        ("(1, :v) = (select 1)", {NOTHING}),
        ("lower(a) in (select :v)", {TEXT}),
        ("lower(a) = case when b then :v end", {TEXT}),
        ("lower(a) = case when b then 1 else :v end", {TEXT}),
        ("lower(a) = iif(b, :v, 'x')", {TEXT}),
        ("a ->> '$.b' = :v", {EITHER}),
        ("json_extract(a, '$.b') = :v", {EITHER}),
        ("case when a then 'x' else 1 end = :v", {EITHER}),
        ("(select 1, '2') = :v", {EITHER}),
        ("iif(a, '1', 2) = :v", {EITHER}),
        ("a like :v", set()),
        (":v + 1 > 2", set()),
        (":v is null", set()),
        ("case when :v then 1 end", {NOTHING}),
        ("iif(:v, 1, 2)", {NOTHING}),
        ("f(:v)", {NOTHING}),
    ],
)
def test_the_other_operand(condition: str, kinds: set[Operand]) -> None:
    """The class of the expression that a parameter is compared with."""
    assert operands(inline(f"select 1 from t where {condition}"))["v"] == kinds


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("select a from t limit :n offset :m", {"n": {NUMBER}, "m": {NUMBER}}),
        ("select :v", {"v": {NOTHING}}),
        ("insert into t values (:v)", {"v": {NOTHING}}),
        ("update t set a = :order where b = :b", {"order": {COLUMN}, "b": {COLUMN}}),
        ("select 1 from (select upper(a) as b from t) x where x.b = :v", {"v": {TEXT}}),
        ("with m(y) as (select strftime('%Y', d) from t) select 1 from m where y = :v", {"v": {TEXT}}),
        ("select 1 from (select max(a) as b from t) x where x.b = :v", {"v": {EITHER}}),
        ("with p as (select :v as x) select 1 from t, p where lower(a) = p.x", {"v": {NOTHING, TEXT}}),
        ("with p(y, x) as (values (1, :v)) select 1 from t, p where lower(a) = x", {"v": {NOTHING, TEXT}}),
        ("with p(x) as (select :v) select 1 from t having count(*) > (select x from p)", {"v": {NOTHING, NUMBER}}),
        ("select 1 from t join (values (:v)) p(x) on lower(a) = x", {"v": {NOTHING, TEXT}}),
        (
            "with p as (select :v as x), q as (select x as x from p) select 1 from q where 'a' = x",
            {"v": {NOTHING, TEXT}},
        ),
        ("select 1 where date('now') = :v and count(*) > :v", {"v": {TEXT, NUMBER}}),
        ("-- @param a ident\nselect :{a} from t where :{a} in (:ids*) and b = :v", {"v": {COLUMN}}),
        ("select b = \\:x and a = :v", {"v": {COLUMN}}),
        ("replace into t values (:v)", {}),
        ("select :v from from", {}),
        ("(:v)", {"v": {NOTHING}}),
        ("select 1 = " + "(" * 3000 + ":v" + ")" * 3000, {}),
    ],
)
def test_statements(text: str, found: dict[str, set[Operand]], capfd: pytest.CaptureFixture[str]) -> None:
    """Names and their operands; of what sqlglot does not take nothing is known, and nothing is printed."""
    assert operands(inline(text)) == found
    assert capfd.readouterr() == ("", "")
