#!/usr/bin/env bash
# `update ... where id in (select id ... where not done limit 100)` from two sessions: 100 rows are changed twice. With `and not done` outside too: UPDATE 0.
#
# PostgreSQL 15.x (Debian 12; 18.4 does the same). A good guess: the second session waits for the first, looks at the row again and leaves out what is done, so
# two shells may run the same loop to be faster. After the wait only the conditions of the updated table are asked again, and the subquery has answered
# already: `id in (...)` still holds, so n = n + 1 is done a second time. If the condition stands outside as well, all 100 rows fall out and LIMIT does
# not go on to the next ones: UPDATE 0 with 900 rows left, where a loop "until 0 rows" ends with exit 0. A DELETE answers 0 likewise. FOR UPDATE in the
# subquery mends both, because LIMIT counts what was locked; with SKIP LOCKED 0 rows may mean "all that is left is locked".
# For backfills and deletes by batches: go by ranges of the key, or write FOR UPDATE and ask whether a row is left before the loop ends.
#
# Output seen, 1,000 rows; one session has changed 100 and not committed, a second one sends its batch of 100, then the first commits:
#   batch                                         answer      rows left   changed twice
#   in (select ... limit)                         UPDATE 100  900         100
#   in (select ... limit) and not done            UPDATE 0    900         0
#   delete in (select ... limit)                  DELETE 0    900         0
#   in (select ... limit for update)              UPDATE 100  800         0
#   in (select ... limit for update skip locked)  UPDATE 100  800         0
#   in (select ... limit), repeatable read        40001       900         0
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder' -c autovacuum=off" start >/dev/null
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres
sql() { "$bin/psql" -X -q -At -v ON_ERROR_STOP=1 "$@"; }
sql -c "create table t (id int primary key, n int not null, done bool not null)"
mkfifo first

look() { # the batch in words, its statement, options of its session
    local answer
    sql -c "truncate t" -c "insert into t select n, 0, false from generate_series(1, 1000) n"
    sql <first & holder=$!
    exec 3>first
    echo "begin; $2; set application_name = 'changed';" >&3
    until [ "$(sql -c "select count(*) from pg_stat_activity where application_name = 'changed' and state = 'idle in transaction'")" = 1 ]; do sleep 0.1; done
    PGAPPNAME=second PGOPTIONS="${3:-}" "$bin/psql" -X -At -v VERBOSITY=sqlstate -c "$2" >answer 2>&1 & second=$!
    # It waits for the first, or it is through already.
    until ! kill -0 $second 2>/dev/null || [ "$(sql -c "select count(*) from pg_stat_activity where application_name = 'second' and wait_event_type = 'Lock'")" = 1 ]; do sleep 0.1; done
    echo "commit;" >&3
    exec 3>&-
    wait $holder
    wait $second || true
    answer=$(sed 's/ERROR:  //' answer)
    printf '%-46s%-12s%-12s%s\n' "$1" "$answer" "$(sql -c "select count(*) from t where not done")" "$(sql -c "select count(*) from t where n = 2")"
}
change="update t set n = n + 1, done = true where id in (select id from t where not done order by id limit 100"
{
    look "in (select ... limit)" "$change)"
    look "in (select ... limit) and not done" "$change) and not done"
    look "delete in (select ... limit)" "delete from t where id in (select id from t order by id limit 100)"
    look "in (select ... limit for update)" "$change for update)"
    look "in (select ... limit for update skip locked)" "$change for update skip locked)"
    look "in (select ... limit), repeatable read" "$change)" "-c default_transaction_isolation=repeatable\\ read"
} | tee seen
diff - seen <<'TEXT'
in (select ... limit)                         UPDATE 100  900         100
in (select ... limit) and not done            UPDATE 0    900         0
delete in (select ... limit)                  DELETE 0    900         0
in (select ... limit for update)              UPDATE 100  800         0
in (select ... limit for update skip locked)  UPDATE 100  800         0
in (select ... limit), repeatable read        40001       900         0
TEXT
