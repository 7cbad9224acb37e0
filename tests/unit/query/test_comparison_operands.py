"""What a placeholder meets in a statement of SQLite."""

from __future__ import annotations

import pytest

from bulkq.query import Operand, find_ambiguous, find_operands, find_tables, inline

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
    assert find_operands(inline(f"select 1 from t where {condition}"))["v"] == kinds


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
    assert find_operands(inline(text)) == found
    assert capfd.readouterr() == ("", "")


COLUMNS = {
    "t": {"a": True, "x": False, "both": True},
    "u": {"b": True, "y": False, "both": False},
    "json_each": {"value": False},
}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("select 1 from t where a = :v", {COLUMN}),
        ("select 1 from t where x = :v", {EITHER}),
        ("select 1 from T where X = :v", {EITHER}),
        ("select 1 from t as r where r.x = :v", {EITHER}),
        ("select 1 from t join u on x = y where u.both = :v", {EITHER}),
        ("select 1 from t join u on x = y where t.both = :v", {COLUMN}),
        ("select 1 from t where exists (select 1 from u where both = :v)", {EITHER}),
        ("select 1 from u where exists (select 1 from t where both = :v)", {COLUMN}),
        ("select 1 from t where exists (select 1 from u where x = :v)", {EITHER}),
        ("select 1 from (select x from t) where x = :v", {EITHER}),
        ("with c as (select x from t) select 1 from c where c.x = :v", {EITHER}),
        ("with c(z) as (select x from t) select 1 from c where z = :v", {EITHER}),
        ("select 1 from t, json_each(t.a) j where j.value = :v", {EITHER}),
        ("select 1 from t, u where value = :v", {COLUMN}),
        ("select 1 from t where rowid = :v", {COLUMN}),
        ("select 1 from gone where x = :v", {COLUMN}),
        ("select 1 from t where +a = :v", {EITHER}),
        ("select 1 from t where +cast(x as text) = :v", {EITHER}),
        ("select 1 from t where +lower(a) = :v", {TEXT}),
        ("select 1 from t where +1 = :v", {NUMBER}),
        ("select 1 from t where a = +:v", {COLUMN}),
        ("update t set x = :v", {COLUMN}),
        ("update t set a = 1 where x = :v", {EITHER}),
        ("delete from t where x = :v", {EITHER}),
        ("insert into t (a, x) values (1, 2) on conflict (a) do update set x = :v", {COLUMN}),
        ("insert into t (a) values (1) on conflict (a) do update set a = 1 where x = :v", {EITHER}),
        ("insert into t select y from u where y = :v", {EITHER}),
        ("select 1 from t where case when 1 then x end = :v", {EITHER}),
    ],
)
def test_columns_without_affinity(text: str, kinds: set[Operand]) -> None:
    """Where the columns are known, one without affinity may hold text and numbers: SQLite converts nothing beside it."""
    query = inline(text)
    known = {name: COLUMNS[name] for name in find_tables(query) & COLUMNS.keys()}
    assert find_operands(query, known)["v"] == kinds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("select 1 from t where x = :v", 'column "x", which has no affinity'),
        ("select 1 from t where (x collate nocase) = :v", 'column "x", which has no affinity'),
        ("select 1 from u where :v in (select x from t)", 'column "x", which has no affinity'),
        ("select 1 from t where +a = :v", "an expression"),
        ("select max(a) = :v from t", "an expression"),
        ("select 1 from t where lower(a) = :v and 1 = :v", "an expression that is text and one that is a number"),
        ("select 1 from t where a = :v", None),
        ("select :v from from", None),
    ],
)
def test_what_is_said_of_it(text: str, words: str | None) -> None:
    """The operand, in words; nothing where a type or an affinity decides."""
    assert find_ambiguous(inline(text), COLUMNS).get("v") == words


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            'with c as (select 1 from A) select 1 from c join main.b on 1 where exists (select 1 from "D d")',
            {"a", "b", "d d"},
        ),
        ("select 1 from t, json_each(t.a) as j", {"t", "json_each"}),
        ("insert into t select 1 from u", {"t", "u"}),
        ("select 1", set()),
        ("select from from", set()),
    ],
)
def test_tables(text: str, names: set[str]) -> None:
    """Tables, views and functions, but not the names that the statement itself defines."""
    assert find_tables(inline(text)) == names
