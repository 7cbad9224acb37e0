"""Find what each placeholder is compared with. The only use of sqlglot's parser.

SQLite has no types for expressions: it compares a text with `count(*)` as text, which is greater than every number.
A value of no declared type therefore takes its class from the other operand. https://sqlite.org/datatype3.html#comparisons
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import Enum, auto
from functools import cache
from typing import TYPE_CHECKING

from bulkq.dialects import DYNAMIC
from bulkq.model import PlaceholderKind
from bulkq.query.render_query import render
from bulkq.query.simple_comparisons import find_simple_comparisons

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot.dialects.dialect import Dialect
    from sqlglot.expressions import Expr
    from sqlglot.parser import Parser

    from bulkq.model import Placeholder, Query
    from bulkq.query.simple_comparisons import SimpleComparisons


class Operand(Enum):
    """What stands on the other side of a comparison."""

    TEXT = auto()  # certainly text: a string, `strftime(...)`, `a || b`
    NUMBER = auto()  # certainly a number: `count(*)`, `a + 1`, LIMIT
    EITHER = auto()  # an expression that may give both: `max(a)`, `json_extract(...)`, a subquery
    COLUMN = auto()  # a column or a CAST: SQLite converts the value by its affinity
    NOTHING = auto()  # the value is not compared: it goes into a column, a result or a function


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TEXTS = _words(
    "Chr Concat ConcatWs CurrentDate CurrentTime CurrentTimestamp DPipe Date Format GroupConcat Hex JSONExtract JSONType LowerHex Lower"
    " Replace Soundex Substring TimeToStr Trim Typeof Upper"
    " char datetime format hex ltrim printf quote rtrim strftime time timediff"
)
NUMBERS = _words(
    "Abs Acos Add And Asin Atan Atan2 Avg Between BitwiseAnd BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift Boolean"
    " Ceil Cos Count CumeDist Degrees DenseRank Div EQ Exists Exp Floor GT GTE Glob In Is LT LTE Length Like Ln Log Mod Mul"
    " NEQ Neg Not Ntile NullSafeEQ NullSafeNEQ Or PercentRank Pi Pow Radians Rand Rank Round RowNumber Sign Sin Sqrt"
    " StrPosition Sub Sum Tan Trunc Unicode"
    " changes json_array_length julianday last_insert_rowid octet_length total total_changes unixepoch"
)
"""Expressions of sqlglot, and functions that it has none for, that give text, and numbers, or NULL in SQLite.

https://sqlite.org/lang_corefunc.html
"""

ALIKE = frozenset({"Alias", "Collate", "Filter", "Paren", "Subquery", "Window"})
"""Give what their first part gives."""

PASSING = {
    **dict.fromkeys(
        _words("Alias Coalesce Collate Greatest Least Paren Subquery Values"), _words("this expression expressions")
    ),
    "Case": _words("default ifs"),
    "If": _words("true false"),
    "Nullif": _words("this"),
}
"""Give the value of a placeholder in these parts of them as it is."""

ROWS = frozenset({"Select", "Tuple"})
"""Give several values, each of which is compared with the one at its place."""

NEUTRAL = _words(
    "Add BitwiseAnd BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift Cast Concat DPipe Div Glob Like Mod Mul Neg Sub"
)
"""Treat a number and its text alike."""

MARK = "bulkq_"
"""Before the number of a placeholder: names of parameters may be key words."""

PLUS = "plus"
"""Marks the parentheses that stand in the tree for a plus before an operand."""

COMPARING = _words("Between EQ GT GTE In Is LT LTE NEQ NullSafeEQ NullSafeNEQ Nullif")


NO_AFFINITY = 'column "{}", which has no affinity'

Affinities = Mapping[str, Mapping[str, bool]]
"""By table and column, in lower case: whether the column has an affinity, so that SQLite converts the value beside it."""


def find_operands(query: Query, columns: Affinities | None = None) -> Mapping[str, frozenset[Operand]]:
    """What each `:name` of `query` meets in SQLite; of a statement that sqlglot does not take nothing is known.

    Args:
        query: any query.
        columns: those of `tables(query)`; a column that is not there is taken for one with an affinity.
    """
    met = _all_met(query, columns or {})
    return {name: frozenset(kind for kind, _ in found) for name, found in met.items()}


def find_ambiguous(query: Query, columns: Affinities | None = None) -> Mapping[str, str]:
    """Parameters that SQLite compares as a number or as text, and the value alone decides which: with what, in words."""
    found = {}
    for name, met in _all_met(query, columns or {}).items():
        kinds = {kind for kind, _ in met}
        if Operand.EITHER in kinds:
            found[name] = next(words for kind, words in met if kind is Operand.EITHER)
        elif {Operand.TEXT, Operand.NUMBER} <= kinds:
            found[name] = "an expression that is text and one that is a number"
    return found


def find_tables(query: Query) -> frozenset[str]:
    """Names of the tables, views and table functions that `query` names, in lower case."""
    simple = find_simple_comparisons(query)
    if simple is not None:
        return frozenset({simple.table})
    from sqlglot import expressions

    tree = _tree(query)
    if tree is None:
        return frozenset()
    own = {cte.alias.lower() for cte in tree.find_all(expressions.CTE)}
    return frozenset(filter(None, map(_table, tree.find_all(expressions.Table)))) - own


def _all_met(query: Query, columns: Affinities) -> Mapping[str, list[tuple[Operand, str]]]:
    """By parameter, what it meets and how to call that."""
    simple = find_simple_comparisons(query)
    return _all_parsed(query, columns) if simple is None else _all_simple(simple, columns)


def _all_simple(simple: SimpleComparisons, columns: Affinities) -> Mapping[str, list[tuple[Operand, str]]]:
    """The same of a simple statement."""
    found = {name: [(Operand.NOTHING, "")] for name in simple.unmet}
    found |= {name: [(Operand.COLUMN, "")] for name in simple.kept}
    for name, column in simple.compared.items():
        others = all(known.get(column.lower(), True) for known in columns.values())
        converts = columns.get(simple.table, {}).get(column.lower(), others)
        kind = Operand.COLUMN if converts else Operand.EITHER
        found[name] = [(kind, NO_AFFINITY.format(column))]
    return found


def _all_parsed(query: Query, columns: Affinities) -> Mapping[str, list[tuple[Operand, str]]]:
    tree = _tree(query)
    if tree is None:
        return {}
    from sqlglot import expressions

    scope = _Scope(tree, columns)
    found: dict[str, list[tuple[Operand, str]]] = {}
    names = {f"{MARK}{n}": placeholder.name for n, placeholder in enumerate(query.placeholders)}
    for node in tree.find_all(expressions.Placeholder):
        if node.name in names:  # not where an escaped colon stands
            found.setdefault(names[node.name], []).extend(_met(node, scope))
    return found


class _Scope:
    """The tables and columns that the names in a statement refer to."""

    def __init__(self, tree: Expr, columns: Affinities) -> None:
        from sqlglot import expressions

        self._columns = columns
        self._aliases = {t.alias_or_name.lower(): _table(t) for t in tree.find_all(expressions.Table)}
        named = [(alias.alias, alias) for alias in tree.find_all(expressions.Alias)]
        for table in tree.find_all(expressions.CTE, expressions.Subquery):
            named += zip(table.alias_column_names, table.this.expressions, strict=False)
        self._named: dict[str, Operand] = {}
        kinds = [(name.lower(), _kind(node, self)) for name, node in named]
        for wanted in (Operand.EITHER, Operand.TEXT):
            self._named |= {name: kind for name, kind in kinds if kind is wanted}

    def kind(self, column: Expr) -> Operand:
        """What a column gives: that of an expression of this name, or of a table."""
        name = column.name.lower()
        if name in self._named:
            return self._named[name]
        return Operand.COLUMN if _is_set(column) or self.has_affinity(column) else Operand.EITHER

    def has_affinity(self, column: Expr) -> bool:
        """Whether SQLite converts a value beside `column`; True where nothing is known of it.

        A name is looked for in the tables of its query, of the queries around that, and then in all.
        """
        name = column.name.lower()
        qualified = self._columns.get(self._aliases.get(column.text("table").lower(), ""), {})
        if name in qualified:
            return qualified[name]
        around: Expr | None = column
        while around is not None:
            here = [known[name] for known in map(self._known, _sources(around)) if name in known]
            if here:
                return all(here)
            around = around.parent
        return all(known.get(name, True) for known in self._columns.values())

    def _known(self, table: Expr) -> Mapping[str, bool]:
        return self._columns.get(_table(table), {})


def _table(node: Expr) -> str:
    """The name of a table or, where it is a call, of the function."""
    return (node.name or node.this.name).lower()


def _sources(node: Expr) -> Iterator[Expr]:
    """The tables that the query `node` itself reads or changes; empty if it is not a query."""
    wanted = [node.args.get("from_"), *(node.args.get("joins") or ())]
    if type(node).__name__ in {"Update", "Delete", "Insert"}:
        wanted.append(node)
    for part in wanted:
        if part is not None:
            table = part.this.this if type(part.this).__name__ == "Schema" else part.this
            if type(table).__name__ == "Table":
                yield table
                yield from (join.this for join in table.args.get("joins") or () if type(join.this).__name__ == "Table")


def _is_set(column: Expr) -> bool:
    """Whether `column` is assigned to, in `UPDATE ... SET`."""
    pair = column.parent
    return (
        pair is not None
        and column.arg_key == "this"
        and pair.arg_key == "expressions"
        and type(pair.parent).__name__ in {"Update", "OnConflict"}
    )


def _tree(query: Query) -> Expr | None:
    """The statement with numbers for the names of placeholders; None where sqlglot does not take it."""
    import sqlglot

    logging.getLogger("sqlglot").addHandler(logging.NullHandler())  # what it does not know, it would say on stderr
    places = {placeholder.start: n for n, placeholder in enumerate(query.placeholders)}

    def write(placeholder: Placeholder) -> str:
        if placeholder.kind is PlaceholderKind.IDENTIFIER:
            return "`x`"
        if placeholder.kind is PlaceholderKind.LIST:
            return "IN (NULL)"  # its members have the types of JSON
        return f":{MARK}{places[placeholder.start]}"

    try:
        return sqlglot.parse_one(render(query, write).text, read=_dialect())
    except (sqlglot.errors.SqlglotError, RecursionError):
        return None


@cache
def _dialect() -> type[Dialect]:
    """SQLite's, but it keeps a plus before an operand: `+code` has no affinity.

    https://sqlite.org/datatype3.html#affinity_of_expressions
    """
    from sqlglot import TokenType, expressions
    from sqlglot.dialects.dialect import Dialect

    base = Dialect.get_or_raise(DYNAMIC.name)
    parser_class = type(base).parser_class

    def plus(parser: Parser) -> Expr:
        node = expressions.Paren(this=parser._parse_unary())  # noqa: SLF001 - as sqlglot's own dialects do
        node.meta[PLUS] = True
        return node

    unary = {**parser_class.UNARY_PARSERS, TokenType.PLUS: plus}
    keeping = type("PlusParser", (parser_class,), {"UNARY_PARSERS": unary})
    return type("PlusDialect", (type(base),), {"Parser": keeping})


def _met(node: Expr, scope: _Scope) -> Iterator[tuple[Operand, str]]:
    """The operand that the placeholder `node` is compared with, and its description."""
    others = list(_others(node))
    if type(node.parent).__name__ in {"Limit", "Offset"}:
        yield Operand.NUMBER, "a number"
    elif not others and type(node.parent).__name__ not in NEUTRAL:
        yield Operand.NOTHING, ""
    others += _carried(node, set())
    yield from ((_kind(other, scope), _words_for(other)) for other in others if type(other).__name__ != "Null")


def _words_for(node: Expr) -> str:
    """How to call an operand."""
    while type(node).__name__ in ALIKE and not node.meta.get(PLUS):
        node = node.this
    if type(node).__name__ == "Select" and len(node.expressions) == 1:
        return _words_for(node.expressions[0])
    if type(node).__name__ == "Column":
        return NO_AFFINITY.format(node.name)
    return "an expression"


def _others(node: Expr) -> Iterator[Expr]:
    """The expressions that SQLite compares the value of `node` with."""
    parent = node.parent
    kind = type(parent).__name__
    if parent is None:
        return
    if kind in COMPARING:
        yield from _compared(parent, node)
    elif kind == "Case" and node.arg_key == "this":
        yield from (branch.this for branch in parent.args["ifs"])
    elif kind == "If" and node.arg_key == "this" and parent.parent is not None:
        yield from filter(None, [parent.parent.args.get("this") if parent.arg_key == "ifs" else None])
    if node.arg_key in PASSING.get(kind, ()):
        yield from _others(parent)
    elif kind in ROWS and node.arg_key == "expressions":
        for other in _others(parent):
            yield from _columns(other)[node.index or 0 :][:1]


def _columns(node: Expr) -> list[Expr]:
    """The values of a row or of a subquery; a single value is a row of one."""
    row = node.this if type(node).__name__ == "Subquery" else node
    return row.expressions if type(row).__name__ in ROWS else [node]


def _carried(node: Expr, seen: set[str]) -> Iterator[Expr]:
    """The operands of columns that have the value of `node` under a name: `with p as (select :v as x) ... = p.x`."""
    from sqlglot import expressions

    for name in {name.lower() for name in _names(node)} - seen:
        seen.add(name)
        for column in node.root().find_all(expressions.Column):
            if column.name.lower() == name:
                yield from _others(column)
                yield from _carried(column, seen)


def _names(node: Expr) -> Iterator[str]:
    """Names under which a query or a VALUES gives the value of `node`."""
    at: int | None = None
    table: Expr | None = node
    while table is not None and type(table).__name__ in {*PASSING, *ROWS, "Placeholder", "Column", "From"}:
        if type(table).__name__ == "Alias":
            yield table.alias
        if table.arg_key == "expressions" and type(table.parent).__name__ in ROWS:
            at = table.index
        if at is not None:
            yield from table.alias_column_names[at : at + 1]
        table = table.parent
    if at is not None and table is not None and type(table).__name__ == "CTE":
        yield from table.alias_column_names[at : at + 1]


def _compared(parent: Expr, node: Expr) -> Iterator[Expr]:
    """The first operand; for the first itself the others, of which IN and BETWEEN have several."""
    if node.arg_key != "this":
        yield parent.this
        return
    for key, value in parent.args.items():
        if key != "this" and value:
            yield from value if isinstance(value, list) else [value]


def _kind(node: Expr, scope: _Scope) -> Operand:
    """What `node` gives."""
    name = type(node).__name__
    if name in ALIKE:
        kind = _kind(node.this, scope)
        return Operand.EITHER if kind is Operand.COLUMN and node.meta.get(PLUS) else kind
    if name == "Literal":
        return Operand.TEXT if node.is_string else Operand.NUMBER
    if name == "Column":
        return scope.kind(node)
    if name == "Cast":
        return Operand.COLUMN
    if name in {"Case", "If", "Select"}:
        kinds = {_kind(result, scope) for result in _results(node)}
        return kinds.pop() if len(kinds) == 1 else Operand.EITHER
    called = node.name.lower() if name == "Anonymous" else name
    return Operand.TEXT if called in TEXTS else Operand.NUMBER if called in NUMBERS else Operand.EITHER


def _results(node: Expr) -> Iterator[Expr]:
    """The expressions of which CASE, `iif` or a subquery gives one."""
    match type(node).__name__:
        case "Case":
            yield from (branch.args["true"] for branch in node.args["ifs"])
            yield from filter(None, [node.args.get("default")])
        case "If":
            yield from filter(None, [node.args["true"], node.args.get("false")])
        case _:
            yield from node.expressions
