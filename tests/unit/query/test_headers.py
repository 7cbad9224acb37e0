"""Names, declared parameters, metadata and descriptions of query files."""

from __future__ import annotations

import pytest

from bulkq.errors import QueryFileError
from bulkq.model import Mode, Parameter, PlaceholderKind
from bulkq.query import headers, load
from tests.support.query_files import errors


def test_every_key_reaches_its_field() -> None:
    """Each typed key fills its field, and every key stays raw in the metadata."""
    (query,) = load(
        "-- name: norm_phone(lo: bigint, hi: bigint)\n"
        "-- Normalise phone numbers.\n"
        "-- @mode Write\n-- @timeout 5s\n-- @lock_timeout 250ms\n-- @retries 0\n-- @idempotent true\n"
        "-- @transaction off\n-- @tags a, b\n-- @tags b,c\n-- @batch 500\n-- @owner team: data\n"
        "-- Second line.\n"
        "UPDATE users SET phone = upper(phone)\n WHERE id > :lo AND id <= :hi;\n",
        "users.sql",
    )
    assert (query.name, query.file, query.line) == ("norm_phone", "users.sql", 14)
    assert query.sql == "UPDATE users SET phone = upper(phone)\n WHERE id > :lo AND id <= :hi"
    assert query.parameters == (Parameter("lo", type="bigint"), Parameter("hi", type="bigint"))
    assert (query.mode, query.timeout_s, query.no_timeout, query.lock_timeout_s) == (Mode.WRITE, 5.0, False, 0.25)
    assert (query.retries, query.idempotent, query.transaction, query.batch) == (0, True, False, 500)
    assert query.tags == ("a", "b", "c")
    assert query.metadata["tags"] == ("a, b", "b,c")
    assert query.metadata["owner"] == ("team: data",)
    assert query.description == "Normalise phone numbers.\nSecond line."
    assert (query.verb, query.unbounded, query.place) == ("UPDATE", False, "users.sql:norm_phone")


def test_defaults_of_a_bare_query() -> None:
    """A query without metadata leaves everything to the options."""
    (query,) = load("select 1", "dir/report.v2.sql")
    assert (query.name, query.line, query.mode, query.transaction) == ("report.v2", 1, None, True)
    assert (query.timeout_s, query.no_timeout, query.batch, query.metadata) == (None, False, None, {})


def test_none_and_auto_switch_off() -> None:
    """`@timeout none` is not the same as no `@timeout`; `@batch auto` leaves the size to the controller."""
    (query,) = load("-- @timeout none\n-- @batch auto\nselect 1", "a.sql")
    assert (query.timeout_s, query.no_timeout, query.batch) == (None, True, None)


@pytest.mark.parametrize("suffix", ["", "^", "$", "!", "*!", "#", "<!"])
@pytest.mark.parametrize("form", ["get-it{}", "get-it(id){}", "get-it{}(id)", "get-it ( id ) {}"])
def test_names_of_aiosql(form: str, suffix: str) -> None:
    """aiosql's operators are accepted on either side of the list, and dashes become underscores."""
    (query,) = load(f"--name:{form.format(suffix)}\nselect :id", "a.sql")
    assert query.name == "get_it"


def test_declared_parameters() -> None:
    """Types, defaults, quotes and commas inside them."""
    (query,) = load(
        "-- name: q(a: numeric(10, 2) = 1.5, b = 'x, ''y''', c: text = NULL, d = 'null', e: int[]) \n"
        "-- @param e int[] secret\n-- @param b double  precision\n-- @param col ident\n"
        "select :e, :d, :c, :b, :a from t where :{col} in (:f*)".replace("(:f*)", "(:a)"),
        "a.sql",
    )
    assert query.parameters == (
        Parameter("e", type="int[]", secret=True),
        Parameter("d", default="null", has_default=True),
        Parameter("c", type="text", default=None, has_default=True),
        Parameter("b", type="double precision", default="x, 'y'", has_default=True),
        Parameter("a", type="numeric(10, 2)", default="1.5", has_default=True),
        Parameter("col", PlaceholderKind.IDENTIFIER, type="ident"),
    )


def test_secret_without_type() -> None:
    """A parameter may be secret without a type."""
    (query,) = load("-- @param password secret\nselect :password", "a.sql")
    assert query.parameters == (Parameter("password", secret=True),)


def test_identifier_declared_in_the_name_line() -> None:
    """`ident` is a type like others; an empty list declares nothing and checks nothing."""
    one, two = load(
        "-- name: a(tbl: ident)\nselect * from :{tbl}\n;-- name: x\n-- name: b()\nselect :id".replace(
            ";-- name: x\n", ""
        ),
        "a.sql",
    )
    assert one.parameters[0].kind is PlaceholderKind.IDENTIFIER
    assert two.parameters == (Parameter("id"),)


def test_comments_of_the_file_and_of_statements_are_left_alone() -> None:
    """A licence above the first name, block comments, comments in and behind a statement carry nothing."""
    text = (
        "-- Licence\n-- @author somebody\n\n-- name: a\n/* not described */\n-- described\nselect 1 -- @mode write\n"
        ";\n-- goodbye\n-- name: b\n# no comment here\nselect 2"
    )
    one, two = load(text, "a.sql", "mysql")
    assert (one.description, one.sql, one.mode) == ("described", "select 1", None)
    assert (two.description, two.sql) == ("", "select 2")


def test_names_in_strings_and_block_comments_are_no_names() -> None:
    """Only a line comment starts a query."""
    (query,) = load("-- name: a\nselect '\n-- name: b\n' /*\n-- name: c\n*/, $$\n-- name: d\n$$", "a.sql")
    assert query.name == "a"


def test_hints_above_a_statement_stay_with_it() -> None:
    """A planner hint before the first word reaches the server."""
    (query,) = load("-- name: a\n-- about\n/*+ SeqScan(t) */\nselect :x", "a.sql")
    assert (query.sql, query.line, query.description) == ("/*+ SeqScan(t) */\nselect :x", 3, "about")
    assert query.placeholders[0].start == query.sql.index(":x")


def test_byte_order_mark_and_crlf() -> None:
    """Files from Windows are read."""
    one, two = load("\ufeff-- name: a\r\n-- @mode read\r\nselect 1;\r\n\r\n-- name: b\r\nselect :x\r\n", "a.sql")
    assert (one.name, one.mode, one.sql, two.name, two.line) == ("a", Mode.READ, "select 1", "b", 6)


def test_unknown_key_has_the_nearest_name() -> None:
    """The line of the key, and the key that was probably meant; without one, all there are."""
    assert errors("-- name: a\n--\n\n\n\n\n-- @timout 5s\nselect 1") == [
        "users.sql:7: unknown key @timout (did you mean @timeout?)"
    ]
    (line,) = errors("-- @zzz 5s\nselect 1")
    assert line.startswith("users.sql:1: unknown key @zzz (there are: @batch, @capture, @expect,")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("@mode reed", '@mode "reed" is not read, write, ddl or maintenance (did you mean read?)'),
        ("@mode", "@mode needs a value: read, write, ddl or maintenance"),
        ("@owner", "@owner needs a value: write it after the key"),
        ("@timeout 5", '@timeout "5" has no unit: write "5s" for seconds, "5ms" for milliseconds or "none"'),
        ("@lock_timeout 0s", '@lock_timeout "0s" is not longer than zero: write "none" for no limit'),
        ("@retries -1", '@retries "-1" is not a whole number of 0 or more'),
        ("@batch 0", '@batch "0" is not a whole number of 1 or more'),
        ("@batch 12345678901", '@batch "12345678901" is not a whole number of 1 or more'),
        ("@retries ٣", '@retries "٣" is not a whole number of 0 or more'),
        ("@idempotent yes", '@idempotent "yes" is not true or false'),
        ("@transaction of", '@transaction "of" is not on or off (did you mean off?)'),
        ("@tags a,,b", '@tags "a,,b" contains an empty tag: write "nightly, users"'),
        ("@param :x int", '@param ":x" is not a parameter name: use letters, digits and _, without the colon'),
        ("@param x", '@param "x" has no type: write "@param x bigint"'),
    ],
)
def test_bad_values_of_keys(line: str, message: str) -> None:
    """Each bad value says what to write."""
    assert errors(f"-- {line}\nselect 1, 2") == [f"users.sql:1: {message}"]


def test_keys_and_parameters_given_twice() -> None:
    """Of single keys, and of declarations, the second is an error."""
    text = "-- name: a(x, x)\n-- @mode read\n-- @mode write\n-- @param x int\n-- @param x int\nselect :x"
    assert errors(text) == [
        'users.sql:1: parameter "x" is declared twice',
        "users.sql:3: @mode is given twice: keep one",
        'users.sql:5: @param "x" is declared twice',
    ]


def test_declarations_that_contradict() -> None:
    """A type in the name line and another in `@param`."""
    assert errors("-- name: a(x: int)\n-- @param x text\nselect :x") == [
        'users.sql:2: @param x is "text" here and "int" in the name line'
    ]


@pytest.mark.parametrize("name", ["", "1st", "a b", "a.b", "a(", "a)x(", "a(x)^^"])
def test_ill_formed_names(name: str) -> None:
    """A name line that cannot be read says how to write one; its query is read all the same."""
    assert errors(f"-- name: {name}\n-- @mode x\nselect 1") == [
        f'users.sql:1: "{name}" is not a query name: write "-- name: some_name" or "-- name: some_name(id: bigint, at)"',
        'users.sql:2: @mode "x" is not read, write, ddl or maintenance',
    ]


@pytest.mark.parametrize("item", ["x:", "x =", "1x", "x int", "x: int =", ",y", "y,"])
def test_ill_formed_declarations(item: str) -> None:
    """A declared parameter that cannot be read."""
    lines = errors(f"-- name: a({item})\nselect :x, :y")
    assert any('does not declare a parameter: write "id", "id: bigint" or "id: bigint = 0"' in line for line in lines)


def test_keys_in_places_that_nobody_reads() -> None:
    """Our metadata above the first name and below a statement is an error, because it would be ignored in silence."""
    assert errors("-- @mode write\n-- name: a\nselect 1;\n-- @timeout 5s\n-- name: b\nselect 2") == [
        "users.sql:1: @mode is above the first name line: move it below the name of its query",
        "users.sql:4: @timeout is below its statement: move it between the name line and the statement",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "-- @ expect not empty\nselect 1",
        "/* @expect not empty */ select 1",
        "/*\n * Orders.\n * @Expect not empty\n */\nselect 1",
        "--- @expect not empty\nselect 1",
        "-- expect not empty\nselect 1",
        "-- Expect: rows = 0\nselect 1",
        "select 1 -- @expect not empty",
        "select 1\n-- @expect not empty\nas id",
        "select 1 /* @expect not empty */ where true",
        "/* @expect empty */\n-- name: a\nselect 1",
        "-- \u200b@expect not empty\nselect 1",
        "-- \uff20expect not empty\nselect 1",
        "--\ufeff @\u2060expect not empty\nselect 1",
        "-- Orders. @expect not empty\nselect 1",
        "/* Orders.\n Of all: @expect not empty */\nselect 1",
    ],
)
def test_a_condition_that_nobody_would_read_is_an_error(text: str) -> None:
    """Without it the check would be another one, and perhaps green."""
    with pytest.raises(
        QueryFileError, match=r'a\.sql:\d: @expect has no effect here: write "-- @expect \.\.\." on a line'
    ):
        load(text, "a.sql")


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("@tags nightly @expect not empty", "expect"),
        ("@owner me -- @expect not empty", "expect"),
        ("@mask email @until 2026-12-31", "until"),
        ("@owner @warn rows > 0", "warn"),
        ("@sample 5 @Fail rows > 9", "fail"),
    ],
)
def test_a_condition_behind_another_key_is_an_error(line: str, key: str) -> None:
    """It would be a tag, or a part of a name; behind a condition it is none, and in a text of one it may stand."""
    (said,) = errors(f"-- {line}\nselect 1")
    assert f"contains @{key}, which has no effect there: write it on a line of its own" in said
    assert "is not a condition" in errors("-- @expect empty @warn rows > 0\nselect 1")[0]
    load("-- @owner sales@expect.example\n-- @expect value = 'a @expect b'\nselect 1", "a.sql")


def test_until_is_lost_only_with_a_date() -> None:
    """Prose that names a key is prose."""
    assert "@until has no effect here" in errors("-- Known, see @until 2026-12-31\nselect 1")[0]
    load("-- Known, see @until and @mask of the others, and @expect of this one.\nselect 1", "a.sql")


def test_comments_that_only_talk_about_conditions() -> None:
    """They stay comments."""
    (query,) = load("-- Fail when it is late.\n-- @expect not empty\nselect 1 /* as @expected */", "a.sql")
    assert (query.description, query.metadata) == ("Fail when it is late.", {"expect": ("not empty",)})


def test_params_for_a_query_without_parameters() -> None:
    """They would be read by nobody, and the check would run once without a word."""
    assert errors("-- @params n.csv\nselect 1") == [
        'users.sql:2: "users" has @params, but no :parameter to fill: add a parameter, or remove @params'
    ]


def test_names_are_listed_without_parsing() -> None:
    """`listed_names` reads the name lines alone, and passes by those that have no name."""
    text = "-- name: one(id: bigint)\nselect 1;\n  --name:two!\nbroken (;\n-- name: (\n-- named: three\n"
    assert headers.listed_names(text) == ["one", "two"]
