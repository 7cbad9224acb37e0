"""Files as a whole: statements, errors together, parameters against declarations, inline SQL, picking by name."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bulkq.errors import QueryFileError
from bulkq.model import Parameter, PlaceholderKind, StatementClass
from bulkq.query import inline, load, pick
from tests.support.query_files import errors

LIST = '":ids*" is a list and must be written IN (:ids*) or NOT IN (:ids*); to multiply, put a space before the star'


def test_all_errors_of_a_file_together_in_its_order() -> None:
    """One error holds them all, each line alone with file and line."""
    text = (
        "-- name: a\n-- @timout 5s\nselect 1;\nselect 2;\n-- name: a\nselect :x, 'open\n"
        "-- name: empty(z)\n-- name: c(x, yy)\nselect :x, :y"
    )
    assert errors(text) == [
        "users.sql:2: unknown key @timout (did you mean @timeout?)",
        'users.sql:4: two statements under the name "a": add a "-- name: some_name" line above the second',
        'users.sql:5: "a" is already the name of the query on line 1',
        "users.sql:6: string is not closed",
        'users.sql:7: "empty" has no statement: write one below its name line',
        'users.sql:8: parameter "yy" is declared but never used in "c" (did you mean ":y"?)',
        'users.sql:9: ":y" is not among the parameters declared for "c": add it to the list',
    ]


def test_many_errors_are_counted() -> None:
    """After twenty lines the rest is a number."""
    lines = errors("".join(f"-- @no_{i} x\n" for i in range(30)) + "select 1")
    assert len(lines) == 21
    assert lines[-1] == "and 10 more"


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("select 'a", "string"),
        ("select E'a\\'", "string"),
        ("select N'a", "string"),
        ('select "a', "quoted name"),
        ('select U&"a', "quoted name"),
        ("select $$ a", "dollar quote"),
        ("select $tag$ a $tg$", "dollar quote"),
        ("select $tag$", "dollar quote"),
        ("select /* a", "comment"),
        ("select /* a /* b */", "comment"),
        ("/*", "comment"),
        ("select /* a\n-- b", "comment"),
    ],
)
def test_quotes_and_comments_that_are_never_closed(sql: str, what: str) -> None:
    """The line is the one where it was opened."""
    assert errors(f"-- name: a\n-- b\n{sql}\n\n\n") == [f"users.sql:3: {what} is not closed"]


def test_unclosed_quotes_of_other_dialects() -> None:
    """Brackets in SQLite, backticks in MySQL."""
    assert errors("select [a", dialect="sqlite") == ["users.sql:1: quoted name is not closed"]
    assert errors("select `a", dialect="mariadb") == ["users.sql:1: quoted name is not closed"]


def test_unclosed_quote_costs_one_query_only() -> None:
    """Reading goes on at the next name line."""
    assert errors("select 'x\n-- name: a\nselect 1\n-- name: a\nselect $$\n") == [
        'users.sql:1: statement above the first name line: add a "-- name: some_name" line above it',
        "users.sql:1: string is not closed",
        'users.sql:4: "a" is already the name of the query on line 2',
        "users.sql:5: dollar quote is not closed",
    ]


@pytest.mark.parametrize("text", ["", " \n", "-- only\n", "/* x */", "\ufeff"])
def test_files_without_statement(text: str) -> None:
    """An empty file says so."""
    assert errors(text) == ["users.sql:1: no statement found: the text is empty or contains only comments"]


def test_semicolons() -> None:
    """Spare ones are tolerated; a file of nothing else has no statement."""
    (query,) = load(";; select 1 ;; ; -- x", "a.sql")
    assert query.sql == "select 1"
    assert errors(" ; ") == ['users.sql:1: "users" has no statement: write one below its name line']


def test_two_statements_without_a_name() -> None:
    """A file without a name line is one query too."""
    assert errors("select 1;\n\nselect 2") == [
        'users.sql:3: two statements under the name "users": add a "-- name: some_name" line above the second'
    ]


def test_statement_above_the_first_name() -> None:
    """Such a statement would belong to nobody."""
    assert errors("-- x\nselect 1;\n-- name: a\nselect 2") == [
        'users.sql:2: statement above the first name line: add a "-- name: some_name" line above it'
    ]


def test_routines_keep_their_semicolons() -> None:
    """The statements of a routine's body do not end it, and what follows the name line is one query."""
    sql = "create trigger t after insert on a begin\n update b set x = 1;\n delete from c;\nend"
    one, two = load(f"-- name: a\n{sql};\n-- name: b\nselect 1", "a.sql", "sqlite")
    assert (one.sql, one.statement, two.sql) == (sql, StatementClass.DDL, "select 1")


def test_parameters_in_order_of_appearance() -> None:
    """A parameter that is used twice is one parameter with two placeholders."""
    query = inline("select :b, :a, :b where id in (:ids*)")
    assert query.parameters == (Parameter("b"), Parameter("a"), Parameter("ids", PlaceholderKind.LIST))
    assert [p.name for p in query.placeholders] == ["b", "a", "b", "ids"]
    assert [query.sql[p.start : p.end] for p in query.placeholders] == [":b", ":a", ":b", "in (:ids*)"]


@pytest.mark.parametrize(
    ("sql", "messages"),
    [
        (
            "select :ids*",
            [LIST],
        ),
        (
            "select 1 in (:ids*, 2)",
            [LIST],
        ),
        (
            "select 1 in (0, :ids*)",
            [LIST],
        ),
        (
            "select f(:ids*",
            [LIST],
        ),
        ("select :a, 1 in (:a*)", ['parameter "a" is used as value and as list: rename one of them']),
        (
            "select * from :{t} where :t",
            [
                'parameter "t" is used as identifier and as value: rename one of them',
                '":{t}" is not declared as an identifier: add "-- @param t ident"',
            ],
        ),
        (
            "select :{a-b}",
            [
                '":{a-b}" does not hold a name: write :{name}',
                '":{a-b}" is not declared as an identifier: add "-- @param a-b ident"',
            ],
        ),
        ("-- @param t ident\nselect :t", ['":t" is declared as an identifier: write ":{t}"']),
        ("select :a$b", ['":a$" is not a parameter name: use letters, digits and _']),
        ("select $1", ['positional parameter "$1" has no value: write ":name"']),
        (
            "select ($1,$23), a$b$c",
            [
                'positional parameter "$1" has no value: write ":name"',
                'positional parameter "$2" has no value: write ":name"',
            ],
        ),
    ],
)
def test_placeholders_that_cannot_be(sql: str, messages: list[str]) -> None:
    """Each says what to write instead."""
    with pytest.raises(QueryFileError) as caught:
        inline(sql)
    assert sorted(line.partition(": ")[2] for line in str(caught.value).split("\n")) == sorted(messages)


def test_question_marks_are_parameters_in_some_dialects() -> None:
    """They would have no value; in PostgreSQL `?` is an operator."""
    for dialect in ("sqlite", "mysql", "duckdb"):
        assert errors("select ?", None, dialect) == ['-e:1: positional parameter "?" has no value: write ":name"']
    assert inline("select doc ? 'a'").parameters == ()


def test_other_parameters_of_sqlite() -> None:
    """`@x`, `$x` and `#x` would have no value; in quotes and names, and in other databases, they are something else."""
    assert errors("select :a, @x, $y2,\n#z, $1, @a$b", None, "sqlite") == [
        '-e:1: parameter "@x" has no value: write ":x"',
        '-e:1: parameter "$y2" has no value: write ":y2"',
        '-e:2: parameter "#z" has no value: write ":z"',
        '-e:2: parameter "$1" has no value: write ":name"',
        '-e:2: parameter "@a$b" has no value: write ":name"',
    ]
    assert inline("""select '@x', "$y", [@x], `$y`, a$b, doc ->> '$.x' -- @x""", "sqlite").parameters == ()
    assert inline("select @x, @ -1, $t$ :a $t$").parameters == ()
    assert inline("select @x, @@version", "mysql").parameters == ()


def test_colons_without_a_name_are_left_to_the_server() -> None:
    """A colon before a blank or in a slice is not a placeholder."""
    assert inline("select : x, a[:], a[:2]").parameters == ()


def test_escapes() -> None:
    """A backslash makes a colon literal; its offset is kept."""
    query = inline("select \\:a, x\\:\\:int, b[1\\::hi]")
    assert [query.sql[at : at + 2] for at in query.escapes] == ["\\:"] * 4
    assert [p.name for p in query.placeholders] == ["hi"]


def test_unbounded() -> None:
    """UPDATE and DELETE without a WHERE of their own, at the top and in CTEs."""
    unbounded = [
        "update t set a = 1",
        "delete from t",
        "delete from t using u",
        "update t set a = (select 1 from u where u.id = t.id)",
        "with x as (delete from t returning *) select * from x where a = 1",
        "with x as (select 1 where true) update t set a = 1",
        "explain analyze delete from t",
        "with x as (select 1) delete from t",
    ]
    bounded = [
        "update t set a = 1 where id = 1",
        "with x as (delete from t where id = 1 returning *) select * from x",
        "select 1 for update",
        "insert into t values (1) on conflict (id) do update set a = 1",
        "truncate t",
        "merge into t using u on t.id = u.id when matched then delete",
        "select (update) from t",
        "with update as (select 1) select 1",
        "explain",
        "explain delete from t",
        "explain query plan update t set a = 1",
        "explain (analyze off) delete from t",
        "with x as (select 1)",
        "with x as (update",
    ]
    assert [sql for sql in unbounded if not inline(sql).unbounded] == []
    assert [sql for sql in bounded if inline(sql).unbounded] == []


@pytest.mark.parametrize(
    ("sql", "meant"),
    [
        ("selec 1", "SELECT"),
        ("updte t set a = 1 where b", "UPDATE"),
        ("xyzzy 1", ""),
        ("1", ""),
        *((sql, None) for sql in ("select 1", "vacuum", "explain select 1", "pragma page_size", "with x as (1)")),
    ],
)
def test_first_words_that_are_not_known(sql: str, meant: str | None) -> None:
    """The nearest verb is named; a known one needs none, nor does a text without a first word."""
    assert inline(sql).meant == meant


@pytest.mark.parametrize("sql", ["((", "1", "'x'", "explain", "with", "pragma", "create"])
def test_fragments_are_left_to_the_server(sql: str) -> None:
    """A text that is no statement is read without complaint; the server has the better words."""
    assert inline(sql).sql == sql


def test_sorting_puts_the_keys_first() -> None:
    """Parameters behind the last WHERE outside parentheses come first; WHERE in names and strings does not count."""
    assert inline("update t set a = :a, b = :b where id = :id and c = (select 1 where :d)").sorting == (2, 3, 0, 1)
    assert inline("update t set wherever = :a, b = ' where ' where id = :id").sorting == (1, 0)
    assert inline("insert into t values (:a, :b)").sorting == (0, 1)
    assert inline("with x as (select :a where b = :b) insert into t select :c from x").sorting == (1, 2, 0)
    assert inline("update t set a = :a from (select 1 where :b) where id = :id").sorting == (2, 0, 1)


def test_inline() -> None:
    """`-e` is named sql, has no file, and may span lines."""
    query = inline("\n-- @mode read\nselect :id")
    assert (query.name, query.file, query.line, query.place) == ("sql", None, 3, "sql")
    assert inline("-- name: mine\nselect 1").name == "mine"


def test_inline_holds_one_query() -> None:
    """Two statements and two named queries are both refused."""
    assert errors("select 1; select 2", None) == [
        "-e:1: two statements: write one (bulkq run and check take several -e)"
    ]
    with pytest.raises(QueryFileError, match=r"^-e:4: 2 queries: write one \("):
        inline("-- name: a\nselect 1;\n-- name: b\nselect 2")


def test_pick() -> None:
    """By name, dashes and underscores alike; else the nearest name, or all there are."""
    queries = load("-- name: norm_phone\nselect 1;\n-- name: other\nselect 2", "users.sql")
    assert pick(queries, "norm-phone", "users.sql") is queries[0]
    with pytest.raises(
        QueryFileError, match=r'^users.sql: no query named "norm_fone" \(did you mean "norm_phone"\?\)$'
    ):
        pick(queries, "norm_fone", "users.sql")
    with pytest.raises(QueryFileError, match=r'^users.sql: no query named "zzz" \(it has norm_phone, other\)$'):
        pick(queries, "zzz", "users.sql")
    many = load("".join(f"-- name: q{i}\nselect 1;\n" for i in range(12)), "m.sql")
    with pytest.raises(QueryFileError, match=r"q9 and 2 more\)$"):
        pick(many, "zzz", "m.sql")
    with pytest.raises(QueryFileError, match=r"\(it has none\)$"):
        pick((), "zzz", "m.sql")


def test_messages_stay_on_one_line() -> None:
    """Odd characters and long values do not break or flood a message."""
    (line,) = errors("-- @mode a\x0b\u2028b" + "c" * 200 + "\nselect 1")
    assert line.splitlines() == [line]
    assert len(line) < 150


def test_importing_the_room_is_cheap() -> None:
    """sqlglot is imported by the first text that is not simple, not before."""
    code = (
        "import sys, bulkq.query as q; q.inline('select :a'); assert 'sqlglot' not in sys.modules;"
        " q.inline('select /* a */ 1'); assert 'sqlglot' in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=30,
    )


def test_names_of_dialects() -> None:
    """SQLAlchemy's names are understood; one that sqlglot does not know is read as plain SQL."""
    assert inline("select doc ? 'a', $$ :x $$", "postgresql").parameters == ()
    assert inline("select [a :b], :c", "mssql").parameters == (Parameter("c"),)
    assert inline("select 'a', :c", "firebird").parameters == (Parameter("c"),)


@pytest.mark.parametrize(
    ("sql", "counted"),
    [
        ("select 1", True),
        ("with a as (select 1) select * from a", True),
        ("update t set a = 1 where id = :id", True),
        ("with a as (select 1) delete from t where id = :id", True),
        ("insert into t select 1 returning *", True),
        ("with a as (delete from t where id = :id returning 1) select * from a", False),
        ("with a as (delete from t where id = :id returning 1) insert into u select * from a", False),
        ("explain analyze update t set a = 1 where id = :id", False),
        ("truncate t", False),
        ("call p(:id)", False),
    ],
)
def test_whose_rows_are_counted(sql: str, counted: bool) -> None:
    """A database counts the rows of the statement's own verb, and of nothing else that changes data."""
    assert inline(sql).counted is counted


COMMITTING = (
    "call p(:i)",
    "create table t (a int)",
    "optimize table t",
    "grant select on t to u",
    "flush tables",
    "set global a = 1",
    "set @@global.a = 1",
    "set password = 'x'",
)


@pytest.mark.parametrize("sql", COMMITTING)
def test_statements_that_commit_in_mysql_are_outside_a_transaction(sql: str) -> None:
    """In MariaDB and MySQL alone; PostgreSQL undoes them with the rest, or refuses them."""
    assert not load(sql, None, "mysql")[0].transaction
    assert load(sql, None)[0].transaction


@pytest.mark.parametrize("sql", ["update t set a = :a where b = 1", "do sleep(1)", "select f(:a)"])
def test_statements_that_cannot_commit_in_mysql(sql: str) -> None:
    """Functions and triggers may not commit there."""
    assert load(sql, None, "mysql")[0].transaction


@pytest.mark.parametrize("sql", ["set a = 1", "set @global = 1", "set @a = 1"])
def test_settings_of_the_session_stay_refused(sql: str) -> None:
    """They are not the server's."""
    assert load(sql, None, "mysql")[0].statement is StatementClass.SESSION


def test_a_statement_that_commits_takes_no_transaction_on() -> None:
    """The line could not hold."""
    with pytest.raises(QueryFileError, match='"@transaction on" has no effect'):
        load("-- @transaction on\ncall p()", "a.sql", "mysql")
