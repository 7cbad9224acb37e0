"""Statements with the placeholders and the class that they are to have; real servers are asked about them too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bulkq.model import PlaceholderKind, StatementClass
from bulkq.query import load, render

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.model import Placeholder, Query

POSTGRES_SCHEMA = """
create table users(id bigint primary key, name text, email text, phone text, phone_norm text, active boolean,
  created_at timestamptz default now(), tags text[], nums int[], doc jsonb, score numeric(10,2), parent_id bigint);
create table orders(id bigint primary key, user_id bigint references users, total numeric, status text, placed date);
create table "Odd :name"("a :b" int, "select" text, a$b int, "é" int);
create table audit(at timestamptz, what text, n bigint);
create sequence seq;
create materialized view mv as select id from users;
create function f(x int, y int default 0) returns int language sql as 'select $1 + $2';
create procedure p(a int, b text default 'x') language plpgsql as 'begin null; end';
"""

SQLITE_SCHEMA = """
create table users(id integer primary key, name text, email text, phone text, active int, doc text, score real);
create table orders(id integer primary key, user_id int, total real, status text);
create table "Odd :name"("a :b" int, [c :d] text, `e :f` text);
"""

IDENTIFIERS = {"tbl": "users", "col": "id", "other": "name"}
"""What the `:{name}` of the corpus stand for."""


@dataclass(frozen=True, slots=True)
class Case:
    """A statement of `dialect`; `found` is `id ids* !ids* {tbl}` in the order of the text, repeats included.

    `served` is False where the server cannot prepare it without executing or without objects that are not there.
    """

    dialect: str
    sql: str
    found: str
    statement: StatementClass
    served: bool = True

    def query(self) -> Query:
        """The statement as `load` reads it, with its identifiers declared."""
        names = sorted({word.strip("{}") for word in self.found.split() if word.startswith("{")})
        header = "".join(f"-- @param {name} ident\n" for name in names)
        (query,) = load(f"-- name: case\n{header}{self.sql}", "corpus.sql", self.dialect)
        return query


def spelled(place: Placeholder) -> str:
    """A placeholder in the spelling of `Case.found`."""
    if place.kind is PlaceholderKind.IDENTIFIER:
        return "{" + place.name + "}"
    star = "*" if place.kind is PlaceholderKind.LIST else ""
    return ("!" if place.negated else "") + place.name + star


def numbered(query: Query) -> tuple[str, int]:
    """The statement with `$1` ... for its values, and how many there are."""
    order = [p.name for p in query.parameters if p.kind is not PlaceholderKind.IDENTIFIER]

    def write(place: Placeholder) -> str:
        if place.kind is PlaceholderKind.IDENTIFIER:
            return f'"{IDENTIFIERS[place.name]}"'
        number = f"${order.index(place.name) + 1}"
        if place.kind is PlaceholderKind.VALUE:
            return number
        return f"<> ALL({number})" if place.negated else f"= ANY({number})"

    return render(query, write).text, len(order)


def named(query: Query) -> str:
    """The statement with SQLite's own `:name` for its values."""

    def write(place: Placeholder) -> str:
        if place.kind is PlaceholderKind.IDENTIFIER:
            return f'"{IDENTIFIERS[place.name]}"'
        if place.kind is PlaceholderKind.VALUE:
            return f":{place.name}"
        return f"{'NOT ' if place.negated else ''}IN (:{place.name})"

    return render(query, write).text


READ, WRITE, DDL = StatementClass.READ, StatementClass.WRITE, StatementClass.DDL
MAINTENANCE, SESSION = StatementClass.MAINTENANCE, StatementClass.SESSION


def _of(dialect: str) -> Callable[..., Case]:
    return lambda sql, found, statement, served=True: Case(dialect, sql, found, statement, served)


_pg, _lite, _my, _duck = _of("postgres"), _of("sqlite"), _of("mysql"), _of("duckdb")

POSTGRES = (
    # casts, assignments, slices
    _pg("select :id::bigint", "id", READ),
    _pg("select :id :: bigint, '1'::int", "id", READ),
    _pg("select name::varchar(10) from users where id = :id", "id", READ),
    _pg("select f(x := :w)", "w", READ),
    _pg("select f(x:=:w, y:=2)", "w", READ),
    _pg("select f(x => :a, y => :b)", "a b", READ),
    _pg("select nums[1:2], nums[:lo] from users", "lo", READ),
    _pg("select nums[1:id], nums[f(1):id], nums[id:id] from users", "", READ),
    _pg("select nums[1\\::hi] from users", "hi", READ),
    _pg("select nums[:lo\\::hi] from users", "lo hi", READ),
    _pg("select nums[1 : 2], nums[:] from users", "", READ),
    _pg("select array[:a, :b]::int[]", "a b", READ),
    _pg("select (:a)::int + :b::int - -:c::int", "a b c", READ),
    _pg("select cast(:a as date)", "a", READ),
    _pg("select :a::numeric(10, 2), :a::numeric(10, 2)", "a a", READ),
    _pg("select interval '1:30' * :n::int", "n", READ),
    _pg("select timestamp '2026-01-01 10:20:30', time'10:20'", "", READ),
    # strings
    _pg("select ':nope', 'http://x:80/:p', 'it''s :x'", "", READ),
    _pg("select 'ends with backslash\\', :x::text", "x", READ),
    _pg("select E'it\\'s :y', :z::text, e'\\\\', :w::text", "z w", READ),
    _pg("select U&'d\\0061t :a', :b::text", "b", READ),
    _pg('select U&"a :b" from (select 1 as "a :b") x where :n::int = 1', "n", READ),
    _pg("select B'101', X'1F', x'', N'a :b', :x::text", "x", READ),
    _pg("select $$ :d 'x $$, $tag$ :e $$ $tag$, :f::text", "f", READ),
    _pg("select $$it's$$ || :x", "x", READ),
    _pg("select $$ costs $5 or $x $$, $a$ $b $a$, :x::text, $é$ :y $é$", "x", READ),
    _pg("select 'a' \n 'b :c' || :d", "d", READ),
    _pg("select '{\"k\":true}'::jsonb @> :doc::jsonb", "doc", READ),
    _pg("select 'C:\\temp', :x::text", "x", READ),
    _pg("select '\\:x', :y::text", "y", READ),
    _pg("select 'semi;colon :a' as x;", "", READ),
    # comments
    _pg("select 1 -- :c\n, :d::int", "d", READ),
    _pg("select 1 /* :d */, :e::int", "e", READ),
    _pg("select 1 /* a /* :b */ :c */, :e::int", "e", READ),
    _pg("select 1 /* a /*/* :b */*/ :c */, :e::int", "e", READ),
    _pg("select 1 /*/* a */ :b */, :e::int", "e", READ),
    _pg("select 1 /* it's \" $$ */, :e::int", "e", READ),
    _pg("select 1 -- it's\n, :e::int --", "e", READ),
    _pg("select /*+ SeqScan(users) :h */ * from users where id = :id", "id", READ),
    _pg("select 1 /**/, :e::int /***/", "e", READ),
    _pg("select 5 - -:n::int", "n", READ),
    _pg("select -- name the thing\n :n::int", "n", READ),
    # names
    _pg('select "a :b", "select", a$b from "Odd :name" where "a :b" = :v', "v", READ),
    _pg('select "quoted "" :x" from (select 1 as "quoted "" :x") q', "", READ),
    _pg('select "é" from "Odd :name" where "é" = :é', "é", READ),
    _pg("select id from users where name = :select and email = :from_ and phone = :order", "select from_ order", READ),
    _pg("select id from users where id=:id1 and id=:ID1 and id=:_x", "id1 ID1 _x", READ),
    _pg("select sum(total) over (partition by :partition::int order by id) from orders", "partition", READ),
    # JSON and other operators
    _pg("select doc ? 'k', doc @> :doc::jsonb, doc ?| array['a'], doc ?& array['b'] from users", "doc", READ),
    _pg("select doc->'a'->>:k, doc #>> '{a}', doc #- '{b}' from users where doc->>:k2 = 'x'", "k k2", READ),
    _pg("select doc @? '$.a', doc @@ '$.a > 1' from users", "", READ),
    _pg("select doc - :k::text, doc || :more::jsonb from users", "k more", READ),
    _pg("select jsonb_path_query(doc, '$.x ? (@ > $y)', :vars::jsonb) from users", "vars", READ),
    _pg("select id from users where tags && :t::text[] and tags @> array[:u::text]", "t u", READ),
    _pg("select id from users where name ~* :re and name !~ :re2 and name % 2 = :m::int", "re re2 m", READ, False),
    _pg("select 7 % :m::int, 2 ^ :e::int, @ :a::int, |/ :r::float8", "m e a r", READ),
    _pg("select id from users where name like '%' || :q || '%'", "q", READ),
    _pg("select id from users where (created_at, id) > (:at, :id) order by created_at, id limit :n", "at id n", READ),
    _pg("select case when active then :a::int else :b::int end from users", "a b", READ),
    _pg("select id from users where id between :lo and :hi", "lo hi", READ),
    _pg("select now() at time zone :tz", "tz", READ),
    _pg("select '(' || :a || ')' where :b::int>1 and not :c::bool", "a b c", READ),
    # lists
    _pg("select id from users where id in (:ids*)", "ids*", READ),
    _pg("select id from users where id IN(:ids*) and name NOT IN (:names*)", "ids* !names*", READ),
    _pg("select id from users where id not /* x */ in -- y\n ( :ids* )", "!ids*", READ),
    _pg("select id from users where not id in (:ids*)", "ids*", READ),
    _pg("delete from users where id in (:ids*) and parent_id in (:ids*)", "ids* ids*", WRITE),
    _pg("select id from users where id in (:a, :b)", "a b", READ),
    _pg("select :a * 2 * :b::int", "a b", READ),
    _pg("select id from users where id = any(:ids)", "ids", READ),
    # identifiers
    _pg("select :{col} from :{tbl} where :{col} = :v", "{col} {tbl} {col} v", READ),
    _pg("select u.:{col}, u.:{other} from :{tbl} as u", "{col} {other} {tbl}", READ),
    _pg("update :{tbl} set name = :v where id = :id", "{tbl} v id", WRITE),
    _pg("vacuum :{tbl}", "{tbl}", MAINTENANCE),
    # reads
    _pg("(select id from users where id = :a) union all (select id from orders where id = :b)", "a b", READ),
    _pg("values (:a::int, :b::text), (1, 'x')", "a b", READ),
    _pg("table users", "", READ),
    _pg("show server_version", "", READ),
    _pg("with x as (select :a::int as a), y(b) as materialized (select a from x) select * from y", "a", READ),
    _pg("with recursive t(n) as (values (1) union all select n + 1 from t where n < :m) select n from t", "m", READ),
    _pg("select * from users for update skip locked", "", READ),
    _pg("select * from users u, lateral (select :n::int as n) l where u.id = :id", "n id", READ),
    _pg("explain select * from users where id = :id", "id", READ, False),
    _pg("explain (format json, costs off) delete from users", "", READ),
    _pg("explain analyze select 1", "", READ),
    _pg("explain (analyze false) delete from users", "", READ),
    _pg("select replace(:a, 'x', 'y'), (replace(:b, 'x', 'y'))", "a b", READ),
    _pg("select id as update from users", "", READ),
    _pg("select", "", READ),
    _pg("select count(*) filter (where id > :n) from users", "n", READ),
    _pg("select id, row_number() over w from users window w as (order by id) fetch first :n rows only", "n", READ),
    _pg("select percentile_cont(:p) within group (order by score) from users", "p", READ),
    # writes
    _pg("insert into users(id, name) values (:id, :name)", "id name", WRITE),
    _pg(
        "insert into users(id) values (:id) on conflict (id) do update set name = :name returning id", "id name", WRITE
    ),
    _pg("insert into users(id, name) select :id, name from users where id = :src", "id src", WRITE),
    _pg("update users set name = :name, email = lower(:email) where id = :id", "name email id", WRITE),
    _pg(
        "update users u set name = o.status from orders o where o.user_id = u.id and o.id = :id returning u.*",
        "id",
        WRITE,
    ),
    _pg("update users set doc = jsonb_set(doc, '{a}', to_jsonb(:v::text)) where id = :id", "v id", WRITE),
    _pg("delete from users using orders where users.id = orders.user_id and orders.id = :id", "id", WRITE),
    _pg(
        "merge into users u using orders o on u.id = o.user_id when matched and o.id = :id then update set name = :n"
        " when not matched then do nothing",
        "id n",
        WRITE,
    ),
    _pg("with gone as (delete from orders where id = :id returning *) select count(*) from gone", "id", WRITE),
    _pg("with x as (insert into audit select now(), :w, 1 returning n) select * from x", "w", WRITE),
    _pg("with a as (select 1 as i) update users set name = :n from a where id = a.i", "n", WRITE),
    _pg("with a as materialized (update users set name = 'x' where id = :id returning id) table a", "id", WRITE),
    _pg('with x as (update "users" set name = :n where id = 1 returning 1) select 1', "n", WRITE),
    _pg("explain analyze delete from users where id = 1", "", WRITE),
    _pg("explain (analyze, buffers) with x as (delete from orders where id = 1 returning 1) select 1", "", WRITE),
    _pg("explain analyze verbose insert into audit values (now(), 'x', 1)", "", WRITE),
    # ddl
    _pg("create table t2 as select * from users where id < :n", "n", DDL, False),
    _pg("select * into t3 from users", "", DDL),
    _pg("with x as (select 1 as a) select * into t4 from x", "", DDL),
    _pg("create index concurrently on users (lower(email))", "", DDL),
    _pg("alter table users add column x int default 1", "", DDL),
    _pg("drop table if exists nothing", "", DDL),
    _pg("truncate orders", "", DDL),
    _pg("comment on table users is 'has a :colon'", "", DDL),
    _pg("grant select on users to public", "", DDL),
    _pg("revoke all on users from public", "", DDL),
    _pg("reindex table concurrently users", "", DDL),
    _pg("create function g() returns int language sql as $$ select ':x'::text; select 1 $$", "", DDL),
    _pg("create function h(a int) returns int begin atomic select 1; select a; end", "", DDL),
    _pg(
        "create or replace procedure q() language sql begin atomic insert into audit values (now(), 'x', 1); end;",
        "",
        DDL,
    ),
    _pg("explain analyze create table t5 as select 1", "", DDL),
    # maintenance and session
    _pg("vacuum (analyze) users", "", MAINTENANCE),
    _pg("analyze users", "", MAINTENANCE),
    _pg("call p(a => :v, b => :w)", "v w", MAINTENANCE),
    _pg("call p(:v)", "v", MAINTENANCE),
    _pg("do $$ begin perform ':x'; end $$", "", MAINTENANCE),
    _pg("refresh materialized view mv", "", MAINTENANCE),
    _pg("cluster users using users_pkey", "", MAINTENANCE),
    _pg("checkpoint", "", MAINTENANCE),
    _pg("copy users to stdout", "", MAINTENANCE),
    _pg("copy (select id from users) to stdout with (format csv, delimiter ':')", "", MAINTENANCE),
    _pg("notify channel, 'a:b'", "", MAINTENANCE),
    _pg("begin", "", SESSION),
    _pg("commit", "", SESSION),
    _pg("rollback to savepoint a", "", SESSION),
    _pg("set search_path to x", "", SESSION),
    _pg("reset all", "", SESSION),
    _pg("lock table users in share mode", "", SESSION),
    _pg("listen x", "", SESSION),
    _pg("prepare x as select 1", "", SESSION),
    _pg("deallocate all", "", SESSION),
    _pg("declare c cursor for select 1", "", SESSION),
    _pg("selec :typo", "typo", MAINTENANCE, False),
    _pg('"quoted" :x', "x", MAINTENANCE, False),
)

SQLITE = (
    _lite("select * from users where id = :id", "id", READ),
    _lite('select [a :b], "a :b", `a :b` from "Odd :name" where [a :b] = :v', "v", READ, False),
    _lite('select "a :b", [c :d], `e :f` from "Odd :name" where "a :b" = :v', "v", READ),
    _lite("select 'a\\', :z, x'61', x''", "z", READ),
    _lite("select /* /* */ :n", "n", READ),
    _lite("select :a -- :b\r, :c\n, :d", "a d", READ),
    _lite("select doc ->> :path, doc -> '$.a' from users", "path", READ),
    _lite("select :a || ':b' || \"c\" from (select 1 as c)", "a", READ),
    _lite("select 1 where :a is not null and :b isnull", "a b", READ),
    _lite("select * from users where id in (:ids*) and name not in (:names*)", "ids* !names*", READ),
    _lite("select * from users where name glob :g or name like :l escape '\\'", "g l", READ),
    _lite("select :{col} from :{tbl} where :{other} = :v", "{col} {tbl} {other} v", READ),
    _lite("select count(*) from users where active = :active group by name having count(*) > :n", "active n", READ),
    _lite("with t as (select :a as a) select * from t", "a", READ),
    _lite("values (:a, :b)", "a b", READ),
    _lite("explain query plan select * from users where id = :id", "id", READ, False),
    _lite("pragma table_info(users)", "", READ),
    _lite("pragma main.table_info('users')", "", READ),
    _lite("pragma integrity_check", "", READ),
    _lite("pragma user_version", "", READ),
    _lite("pragma optimize", "", MAINTENANCE),
    _lite("pragma wal_checkpoint(truncate)", "", MAINTENANCE),
    _lite("pragma journal_mode = wal", "", SESSION),
    _lite("pragma foreign_keys(0)", "", SESSION),
    _lite("insert into users(id, name) values (:id, :name)", "id name", WRITE),
    _lite("insert or replace into users(id, name) values (:id, :name)", "id name", WRITE),
    _lite("replace into users(id, name) values (:id, replace(:name, 'a', 'b'))", "id name", WRITE),
    _lite("insert into users(id) values (:id) on conflict(id) do update set name = excluded.name", "id", WRITE),
    _lite("update users set name = :name where id = :id", "name id", WRITE),
    _lite("update or ignore users set name = :name where id = :id returning id", "name id", WRITE),
    _lite("delete from users where id = :id", "id", WRITE),
    _lite("with t as (select :a as a) delete from users where id in (select a from t)", "a", WRITE),
    _lite("create table x(a, b)", "", DDL),
    _lite("create index i on users(name) where active = 1", "", DDL),
    _lite(
        "create trigger tr after insert on users begin update users set name = 'a;b' where id = new.id;"
        " delete from orders where user_id = new.id; end",
        "",
        DDL,
    ),
    _lite("drop table if exists nowhere", "", DDL),
    _lite("alter table users add column z", "", DDL),
    _lite("reindex", "", DDL),
    _lite("vacuum", "", MAINTENANCE),
    _lite("analyze users", "", MAINTENANCE),
    _lite("begin immediate", "", SESSION),
    _lite("end", "", SESSION),
    _lite("attach 'x.db' as x", "", SESSION),
    _lite("select '@b', '$c' as \"#d\", :d", "d", READ),
)

MYSQL = (
    _my("select 'a\\' :b', :c", "c", READ),
    _my("select \"a :b\", 'it''s', :c", "c", READ),
    _my("select `x :y` from t where `x :y` = :v", "v", READ),
    _my("select @v := :x, @w", "x", READ),
    _my("select 1 # :c\n, :d", "d", READ),
    _my("select 1 -- :e\n, --5, :f", "f", READ),
    _my("select 1--5, :f", "f", READ),
    _my("select /*+ :q */ :r", "r", READ),
    _my("select x'1f', 0x1F, b'1', 0b1, :v", "v", READ),
    _my("select * from t where id in (:ids*)", "ids*", READ),
    _my("select doc->'$.a', doc->>'$.b' from t where doc->'$.c' = :c", "c", READ),
    _my("insert into t (a) values (:a) on duplicate key update a = :b", "a b", WRITE),
    _my("insert ignore into t set a = :a", "a", WRITE),
    _my("replace into t values (:a)", "a", WRITE),
    _my("update t set a = :a where id = :id limit 10", "a id", WRITE),
    _my("select insert(:a, 1, 2, 'x'), (insert(:b, 1, 2, 'y'))", "a b", READ),
    _my("select a into outfile '/tmp/x' from t", "", DDL),
    _my("load data infile '/tmp/x' into table t", "", SESSION),
    _my("optimize table t", "", MAINTENANCE),
    _my("show tables like 'a:b'", "", READ),
    _my("desc t", "", READ),
    _my("explain format = tree select * from t where a = :a", "a", READ),
    _my("call p(:a, @out)", "a", MAINTENANCE),
    _my("set @a = :a", "a", SESSION),
    _my("use other", "", SESSION),
    _my("select 1 /* /* :a */ , :b", "b", READ),
    _my("create procedure p() begin select 1; select ';'; end", "", DDL),
)

DUCKDB = (
    _duck("select {'a': :x, 'b':1, c: :y, c2::int}", "x y", READ),
    _duck("select {'a':x, 'b':y} from t where z = :z", "z", READ),
    _duck("select l[1:2], [1, 2][:lo] from t", "lo", READ),
    _duck("select list_transform(l, x -> x + :k) from t", "k", READ),
    _duck("select list_transform(l, lambda x : x + :k) from t", "k", READ),
    _duck("select l[1:-1:2] from t", "", READ),
    _duck("from t where a = :a", "a", READ),
    _duck("select * from read_csv('a:b.csv') where x = :x", "x", READ),
    _duck("select map {'k': :v}['k']", "v", READ),
    _duck("select $$ :a $$, $t$ :b $t$, :c", "c", READ),
    _duck("select e'\\'' || :x", "x", READ),
    _duck("select #1, :a from t", "a", READ),
    _duck("select $a,$b, :c", "c", READ),
    _duck("summarize t", "", READ),
    _duck("describe select :a", "a", READ),
    _duck("pivot t on a using sum(b)", "", READ),
    _duck("copy t to 'x.parquet'", "", MAINTENANCE),
    _duck("install httpfs", "", MAINTENANCE),
    _duck("load httpfs", "", SESSION),
    _duck("attach 'x.duckdb' as x", "", SESSION),
    _duck("insert into t by name select :a as a", "a", WRITE),
    _duck("insert or replace into t values (:a)", "a", WRITE),
    _duck("create or replace table x as from t where a = :a", "a", DDL),
    _duck("explain analyze insert into t values (1)", "", WRITE),
    _duck("select * from t where id not in (:ids*)", "!ids*", READ),
)

CORPUS = (*POSTGRES, *SQLITE, *MYSQL, *DUCKDB)
