"""`bulkq demo`: a folder with a small shop to try bulkq on.

The data is the same every time. Two customers are broken on purpose, so that a newcomer sees how failure looks.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING

from bulkq import package_data
from bulkq.errors import UsageError
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

NAME = "bulkq-demo"
DATABASE = "shop.db"
QUERIES = "shop.sql"
CUSTOMER_SETS = "customers.csv"
PRICE_SETS = "prices.csv"
FAILURES = "failures.jsonl"

CUSTOMERS = 200
PRODUCTS = 40
ORDERS = 20_000

MALFORMED = 42
"""This customer's profile is not JSON: the query fails for it."""

ENDLESS = 118
"""This customer was referred by himself: the query follows the chain of referrals for ever."""

SCHEMA = """
CREATE TABLE customers (
    id integer PRIMARY KEY,
    name text NOT NULL,
    profile text NOT NULL,
    referred_by integer REFERENCES customers
);
CREATE TABLE products (
    id integer PRIMARY KEY,
    name text NOT NULL,
    price_cents integer NOT NULL CHECK (price_cents > 0)
);
CREATE TABLE orders (
    id integer PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customers,
    product_id integer NOT NULL REFERENCES products,
    quantity integer NOT NULL,
    ordered_on text NOT NULL
);
"""
FIRST_NAMES = ("Ada", "Bela", "Chen", "Dana", "Emre", "Femi", "Gita", "Hugo", "Ines", "Jun")
LAST_NAMES = ("Arden", "Bakker", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Horvat", "Ito", "Jansen")
CITIES = ("Athens", "Bergen", "Cusco", "Dakar", "Essen", "Fukuoka", "Ghent", "Hanoi")
ADJECTIVES = ("Plain", "Sturdy", "Folding", "Quiet", "Bright")
THINGS = ("chair", "lamp", "kettle", "shelf", "mug", "desk", "clock", "basket")


@frozen
class Demo:
    """What was made."""

    folder: Path
    files: tuple[tuple[str, str], ...]
    """Name and description of every file."""


def make(parent: Path) -> Demo:
    """Make the folder `bulkq-demo`, or the first free `bulkq-demo-2`, `-3` ... in `parent`, with everything in it.

    Raises:
        UsageError: it cannot be made or written.
    """
    try:
        folder = _new_folder(parent)
        shutil.copyfile(package_data.find("sql") / "demo" / QUERIES, folder / QUERIES)
        with closing(sqlite3.connect(folder / DATABASE)) as database:
            _fill(database)
        _write_csv(folder / CUSTOMER_SETS, "customer", range(1, CUSTOMERS + 1))
        prices = (f"{number},{_price(number) * 11 // 10}" for number in range(1, PRODUCTS + 1))
        _write_csv(folder / PRICE_SETS, "product,price_cents", prices)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(
            f'cannot make the folder "{NAME}" here: {reason}: change to a folder you may write in'
        ) from error
    except sqlite3.Error as error:
        raise UsageError(f'cannot make "{DATABASE}" in "{folder}": {error}') from error
    return Demo(
        folder,
        (
            (DATABASE, f"a shop in SQLite: {CUSTOMERS} customers, {PRODUCTS} products, {ORDERS:,} orders"),
            (QUERIES, "two queries with parameters: customer_summary reads, set_price writes"),
            (CUSTOMER_SETS, f"{CUSTOMERS} parameter sets for customer_summary, one on each line"),
            (PRICE_SETS, f"{PRODUCTS} parameter sets for set_price"),
        ),
    )


def went_as_meant(folder: Path) -> bool:
    """Whether the run in `folder` has failed for the two broken customers only."""
    try:
        lines = (folder / FAILURES).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return False
    return {json.loads(line)["n"] for line in lines} == {MALFORMED, ENDLESS}


def _new_folder(parent: Path) -> Path:
    for number in count(1):
        folder = parent / (NAME if number == 1 else f"{NAME}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError  # numbers do not end


def _fill(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA synchronous = OFF")  # a demo that is cut short is made again
    database.executescript(SCHEMA)
    chance = random.Random(2026)  # noqa: S311 - the shop is always the same
    with database:
        database.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", map(_customer, range(1, CUSTOMERS + 1)))
        products = ((number, _product_name(number), _price(number)) for number in range(1, PRODUCTS + 1))
        database.executemany("INSERT INTO products VALUES (?, ?, ?)", products)
        orders = (_order(number, chance) for number in range(1, ORDERS + 1))
        database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", orders)
        database.execute("CREATE INDEX orders_by_customer ON orders (customer_id)")


def _customer(number: int) -> Sequence[object]:
    name = f"{FIRST_NAMES[number % 10]} {LAST_NAMES[number // 10 % 10]}"
    profile = json.dumps({"city": CITIES[number % len(CITIES)], "newsletter": number % 3 == 0})
    # the referrer is the customer with half the number, unless that is the one in the endless chain
    referrer: int | None = number // 2 if number // 2 not in {0, ENDLESS} else None
    if number == ENDLESS:
        referrer = ENDLESS
    return number, name, profile[:12] if number == MALFORMED else profile, referrer


def _product_name(number: int) -> str:
    return f"{ADJECTIVES[number % len(ADJECTIVES)]} {THINGS[number % len(THINGS)]}"


def _price(number: int) -> int:
    """In cents."""
    return 490 + number * 137


def _order(number: int, chance: random.Random) -> Sequence[object]:
    day = f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
    return number, chance.randint(1, CUSTOMERS), chance.randint(1, PRODUCTS), chance.randint(1, 5), day


def _write_csv(path: Path, header: str, lines: Iterable[object]) -> None:
    path.write_text("\n".join([header, *map(str, lines), ""]), encoding="utf-8")
