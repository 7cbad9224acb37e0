#!/usr/bin/env bash
# asyncpg 0.32.0 supports service files, but PGSERVICE has no effect, and `options=` of a service is left out without a word.
#
# libpq (psycopg 3.2.9 with its binary package) reads the service that PGSERVICE names and sends its `options` in the start-up message.
# asyncpg looks into the environment for PGSERVICE after it has read the service file, so it connects to PGHOST or to a local socket:
# another server than psql. With ?service=svc in the DSN it connects to the service's host, but `options` never reach the server:
# a search_path, or default_transaction_read_only=on, is lost. PGOPTIONS and PGTZ are not read either.
#
# Seen:
#   libpq    PGSERVICE=svc       connects to: service   options sent: yes
#   asyncpg  PGSERVICE=svc       connects to: PGHOST    options sent: no
#   asyncpg  DSN ?service=svc    connects to: service   options sent: no
#   asyncpg  PGOPTIONS           connects to: PGHOST    options sent: no
#
# Two listeners on 127.0.0.1 stand for the servers; they read the start-up message and close the connection.
# Exits with 1 if one of the lines is different.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'asyncpg==0.32.0' 'psycopg[binary]==3.2.9'

cat > "$folder/try.py" <<'PY'
import asyncio
import os
import sys

import asyncpg
import psycopg

OPTIONS = b"search_path=elsewhere"
seen: list[tuple[str, bool]] = []


def listener(name: str):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(4), "big")
        message = await reader.readexactly(size - 4)
        seen.append((name, OPTIONS in message))
        writer.close()

    return answer


async def ask(connect) -> tuple[str, bool]:
    seen.clear()
    try:
        await asyncio.wait_for(connect(), 5)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, psycopg.Error, TimeoutError):
        pass
    return seen[0] if seen else ("nowhere", False)


async def main() -> int:
    service = await asyncio.start_server(listener("service"), "127.0.0.1", 0)
    other = await asyncio.start_server(listener("PGHOST"), "127.0.0.1", 0)
    port, elsewhere = (one.sockets[0].getsockname()[1] for one in (service, other))
    path = os.path.join(os.path.dirname(__file__), "services")
    with open(path, "w") as file:
        file.write(f"[svc]\nhost=127.0.0.1\nport={port}\nuser=u\ndbname=d\nsslmode=disable\noptions=-c {OPTIONS.decode()}\n")
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    os.environ |= {"PGSERVICEFILE": path, "PGHOST": "127.0.0.1", "PGPORT": str(elsewhere), "PGUSER": "u", "PGSSLMODE": "disable"}

    found = []
    os.environ["PGSERVICE"] = "svc"
    found.append(("libpq    PGSERVICE=svc    ", await ask(lambda: asyncio.to_thread(psycopg.connect, ""))))
    found.append(("asyncpg  PGSERVICE=svc    ", await ask(lambda: asyncpg.connect("postgresql://"))))
    del os.environ["PGSERVICE"]
    found.append(("asyncpg  DSN ?service=svc ", await ask(lambda: asyncpg.connect("postgresql:///?service=svc"))))
    os.environ["PGOPTIONS"] = f"-c {OPTIONS.decode()}"
    found.append(("asyncpg  PGOPTIONS        ", await ask(lambda: asyncpg.connect("postgresql://"))))
    for words, (place, sent) in found:
        print(f"{words}   connects to: {place:<9} options sent: {'yes' if sent else 'no'}")
    expected = [("service", True), ("PGHOST", False), ("service", False), ("PGHOST", False)]
    service.close()
    other.close()
    return 0 if [answer for _, answer in found] == expected else 1


sys.exit(asyncio.run(main()))
PY
"$folder/venv/bin/python" "$folder/try.py"
