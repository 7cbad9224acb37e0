"""What a statement does, from its first words and its nesting.

Not a parser: the answer only has to be right for statements that the server accepts, and never READ for one that
writes by its grammar. Functions with effects are the server's read-only transaction to stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for, pragmas
from bulkq.model import StatementClass
from bulkq.model.frozen_dataclass import frozen
from bulkq.query.tokens import Token, TokenKind
from bulkq.text.message_parts import find_nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"})
"""Verbs that change rows."""

MAIN = CHANGES | {"SELECT", "VALUES", "TABLE", "FROM"}
"""Verbs that may follow the WITH clause."""

VERBS = {
    StatementClass.READ: "SELECT VALUES TABLE FROM SHOW DESCRIBE DESC SUMMARIZE PIVOT UNPIVOT",
    StatementClass.WRITE: "INSERT UPDATE DELETE MERGE REPLACE UPSERT",
    StatementClass.DDL: "CREATE ALTER DROP TRUNCATE COMMENT GRANT REVOKE REINDEX RENAME REASSIGN SECURITY IMPORT",
    StatementClass.MAINTENANCE: (
        "VACUUM ANALYZE CALL DO CLUSTER REFRESH CHECKPOINT COPY NOTIFY OPTIMIZE REPAIR CHECK CHECKSUM FLUSH PURGE KILL "
        "EXPORT INSTALL EXEC"
    ),
    StatementClass.SESSION: (
        "BEGIN START COMMIT END ROLLBACK ABORT SAVEPOINT RELEASE SET RESET LISTEN UNLISTEN PREPARE EXECUTE DEALLOCATE "
        "LOCK UNLOCK DISCARD DECLARE FETCH MOVE CLOSE USE ATTACH DETACH LOAD XA HANDLER"
    ),
}
"""The first word of a statement -> its class. A word that is not listed is MAINTENANCE: it is not known to read."""

CLASS_OF = {verb: statement for statement, verbs in VERBS.items() for verb in verbs.split()}

KNOWN = (*CLASS_OF, "WITH", "EXPLAIN", "PRAGMA", "")

EXPLAIN_WORDS = frozenset(
    {
        "ANALYZE",
        "ANALYSE",
        "VERBOSE",
        "QUERY",
        "PLAN",
        "EXTENDED",
        "PARTITIONS",
        "FORMAT",
        "TREE",
        "JSON",
        "TRADITIONAL",
        "=",
    }
)
"""What may stand between EXPLAIN and the statement that it explains, beside options in parentheses."""

ROUTINES = frozenset({"TRIGGER", "FUNCTION", "PROCEDURE", "EVENT"})
"""What CREATE makes that may hold statements of its own between BEGIN and END."""


WITHIN_TRANSACTIONS = frozenset({"DO"})
"""MAINTENANCE verbs that leave the transaction alone there: DO only evaluates, and functions may not commit (error 1422)."""

SETS_SERVER = frozenset({"GLOBAL", "PERSIST", "PERSIST_ONLY", "PASSWORD"})
"""Words behind SET in MariaDB and MySQL that change the server or an account, not the session."""


@frozen
class StatementNature:
    """What a statement is.

    Attributes:
        statement: its class.
        verb: its first word, upper case; "" where it begins with something else.
        unbounded: whether it changes every row, if it is executed.
        where: the offset of its last WHERE outside parentheses, None without one.
        meant: if the verb is not one of `KNOWN`, the nearest one, or "".
        counted: whether the database says how many rows it changed: none, or those of its own verb, and no others in a CTE.
    """

    statement: StatementClass
    verb: str
    unbounded: bool
    where: int | None
    meant: str | None
    counted: bool


def classify(tokens: Sequence[Token], dialect: str = "") -> StatementNature:
    """Say what the statement made of `tokens` (without its semicolon) does in `dialect`."""
    depths = count_nesting(tokens)
    first = _first_word(tokens)
    verb = tokens[first].word if first < len(tokens) else ""
    changes = _changes(tokens, depths, first)
    statement = _statement(tokens, depths, first, changes)
    if (
        verb == "SET"
        and dialect_for(dialect).commits_implicitly
        and _sets_server([t.word for t in tokens[first + 1 :]])
    ):
        statement = StatementClass.MAINTENANCE
    return StatementNature(
        statement,
        verb,
        statement is not StatementClass.READ and any(_unbounded(tokens, depths, i) for i in changes),
        _last_where(tokens, depths),
        None if verb in KNOWN else find_nearest(verb, KNOWN),
        statement is StatementClass.READ or _counted(tokens, depths, first, changes),
    )


def gives_rows(tokens: Sequence[Token]) -> bool:
    """Whether a statement that changes data gives rows: those of its own RETURNING, or of a SELECT behind its CTEs.

    The RETURNING of a CTE gives rows to the statement alone.
    """
    depths, first = count_nesting(tokens), _first_word(tokens)
    if tokens[first].word == "EXPLAIN":
        return True
    if tokens[first].word == "WITH":
        first = behind_with(tokens, depths, first)
    own = (token.word for token, depth in zip(tokens, depths, strict=True) if depth == depths[first])
    return CLASS_OF.get(tokens[first].word) is StatementClass.READ or "RETURNING" in own


def may_commit(statement: StatementClass, verb: str, dialect: str) -> bool:
    """Whether such a statement may commit the transaction that it stands in: CALL, DDL, OPTIMIZE, GRANT in MariaDB and MySQL.

    CALL counts always: what a procedure does stands in its body, in those that it calls, and in text that it executes.
    """
    if not dialect_for(dialect).commits_implicitly or verb in WITHIN_TRANSACTIONS:
        return False
    return statement in {StatementClass.DDL, StatementClass.MAINTENANCE}


def count_nesting(tokens: Sequence[Token]) -> list[int]:
    """How many parentheses are open around each token; a parenthesis counts as outside of itself."""
    depths = []
    depth = 0
    for token in tokens:
        depth -= token.word == ")"
        depths.append(depth)
        depth += token.word == "("
    return depths


def holds_statements(tokens: Sequence[Token]) -> bool:
    """Whether `tokens` begin to create a routine with a body of statements, whose semicolons do not end it."""
    words = [t.word for t in tokens if t.kind is TokenKind.WORD]
    return words[:1] == ["CREATE"] and not ROUTINES.isdisjoint(words[1:8]) and "BEGIN" in words


def _first_word(tokens: Sequence[Token]) -> int:
    for i, token in enumerate(tokens):
        if token.kind is TokenKind.WORD:
            return i
        if token.word != "(":
            break
    return len(tokens)


def _statement(tokens: Sequence[Token], depths: Sequence[int], first: int, changes: Sequence[int]) -> StatementClass:
    verb = tokens[first].word if first < len(tokens) else ""
    if verb == "EXPLAIN":
        return _explained(tokens, depths, first)
    if verb == "PRAGMA":
        return _pragma([t.word for t in tokens[first + 1 :]])
    if verb == "WITH" or CLASS_OF.get(verb) is StatementClass.READ:
        if changes:
            return StatementClass.WRITE
        into = verb not in {"SHOW", "DESC", "DESCRIBE"} and any(t.word == "INTO" for t in tokens)
        return StatementClass.DDL if into else StatementClass.READ
    return CLASS_OF.get(verb, StatementClass.MAINTENANCE)


def _sets_server(words: Sequence[str]) -> bool:
    """Whether what stands behind SET is the server's or an account's: `GLOBAL x = 1`, `@@global.x = 1`, `PASSWORD = ...`."""
    name = next((i for i, word in enumerate(words) if not word.startswith("@")), len(words))
    return "".join(words[:name]) in {"", "@@"} and "".join(words[name : name + 1]) in SETS_SERVER


def _explained(tokens: Sequence[Token], depths: Sequence[int], first: int) -> StatementClass:
    """EXPLAIN reads; EXPLAIN ANALYZE does what the statement does."""
    inner = _behind_explain(tokens, depths, first)
    options = [t.word for t in tokens[first + 1 : inner]]
    executed = False
    for i, word in enumerate(options):
        if word in {"ANALYZE", "ANALYSE"}:
            executed = options[i + 1 : i + 2] not in (["FALSE"], ["OFF"], ["0"])
    return classify(tokens[inner:]).statement if executed and inner < len(tokens) else StatementClass.READ


def _behind_explain(tokens: Sequence[Token], depths: Sequence[int], first: int) -> int:
    """Index of the first token of the explained statement; the end where there is none."""
    outside = depths[first]
    for i in range(first + 1, len(tokens)):
        options = tokens[first + 1].word == "(" and (i == first + 1 or depths[i] > outside or tokens[i].word == ")")
        if not options and tokens[i].word not in EXPLAIN_WORDS:
            return i
    return len(tokens)


def _pragma(words: Sequence[str]) -> StatementClass:
    name = [word.lower() for word in (words[2:3] if words[1:2] == ["."] else words[:1])]
    if pragmas.ACTING.intersection(name):
        return StatementClass.MAINTENANCE
    if "=" in words or ("(" in words and not pragmas.ANSWERING.intersection(name)):
        return StatementClass.SESSION
    return StatementClass.READ


def _changes(tokens: Sequence[Token], depths: Sequence[int], first: int) -> list[int]:
    """Indexes of the verbs that change rows: the statement's own, that of one it explains, those in its CTEs."""
    found = [i for i in range(1, len(tokens)) if tokens[i].word in CHANGES and _opens_statement(tokens, i)]
    if first < len(tokens):
        if tokens[first].word == "EXPLAIN":
            first = min(_behind_explain(tokens, depths, first), len(tokens) - 1)
        if tokens[first].word == "WITH":
            first = behind_with(tokens, depths, first)
        if tokens[first].word in CHANGES and first not in found:
            found.append(first)
    return found


def _counted(tokens: Sequence[Token], depths: Sequence[int], first: int, changes: Sequence[int]) -> bool:
    """Whether the rows that change are those of the statement's own verb: of others the database counts none."""
    if first < len(tokens) and tokens[first].word == "WITH":
        first = behind_with(tokens, depths, first)
    own = tokens[first].word if first < len(tokens) else ""
    return CLASS_OF.get(own) is StatementClass.WRITE and all(i == first for i in changes)


def _opens_statement(tokens: Sequence[Token], i: int) -> bool:
    """Whether the verb at `i` stands in `( INSERT ...`, and is not a function such as `(REPLACE(a, b, c))`."""
    if tokens[i - 1].word != "(" or i + 1 >= len(tokens):
        return False
    after = tokens[i + 1]
    return after.kind in {TokenKind.WORD, TokenKind.QUOTED} or after.word in {":", "["}


def behind_with(tokens: Sequence[Token], depths: Sequence[int], first: int) -> int:
    """Index of the verb that follows the CTEs of the WITH at `first`; `first` itself where none does."""
    for i in range(first + 1, len(tokens)):
        named = tokens[i + 1].word == "AS" if i + 1 < len(tokens) else False
        if depths[i] == depths[first] and tokens[i].word in MAIN and not named:
            return i
    return first


def _unbounded(tokens: Sequence[Token], depths: Sequence[int], i: int) -> bool:
    if tokens[i].word not in {"UPDATE", "DELETE"}:
        return False
    for j in range(i + 1, len(tokens)):
        if depths[j] < depths[i]:
            break
        if depths[j] == depths[i] and tokens[j].word == "WHERE":
            return False
    return True


def _last_where(tokens: Sequence[Token], depths: Sequence[int]) -> int | None:
    every = [i for i, token in enumerate(tokens) if token.word == "WHERE"]
    outside = [i for i in every if not depths[i]]
    chosen = outside or every
    return tokens[chosen[-1]].start if chosen else None
