#!/usr/bin/env bash
# A replica of MariaDB whose connection is dead says "0 seconds behind", with both threads running, for a minute; nothing in its status differs but a position.
#
# MariaDB 10.11.x (Debian 12), two servers on 127.0.0.1 and a relay between them that stops to pass bytes on, as a firewall or a machine that hangs does.
# A good guess: a replica that gets nothing from a primary which writes falls behind, second by second. Seconds_Behind_Master is the age of the event that
# the SQL thread works on; with an empty relay log it is 0, whatever the primary has written. Slave_IO_Running stays Yes until slave_net_timeout (60 s).
# Only the primary knows better: its own position (SHOW MASTER STATUS) against Exec_Master_Log_Pos. When the SQL thread is stopped it is NULL, not a number.
#
# Output seen:
#                         Seconds_Behind_Master  IO   SQL  executed = written
#   in step               0                      Yes  Yes  yes
#   dead for 5 s          0                      Yes  Yes  no
#   SQL thread stopped    NULL                   Yes  No   no
# Exits with 1 if one of these changes. The servers listen on 127.0.0.1 and on unix sockets in a temporary folder only.
set -euo pipefail
daemon=$(PATH=$PATH:/usr/sbin command -v mariadbd) || { echo "install the Debian package mariadb-server"; exit 2; }
"$daemon" --no-defaults --version | grep -q ' 10\.11\.' || { echo "another version than 10.11:"; "$daemon" --no-defaults --version; exit 2; }
folder=$(mktemp -d)
as=(env)
if [ "$(id -u)" = 0 ]; then as=(runuser -u nobody -- env); chown nobody "$folder"; fi
pids=()
trap 'for pid in "${pids[@]}"; do kill -CONT "$pid" 2>/dev/null || true; kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done
  cd /; rm -rf "$folder"' EXIT
read -r first second relay < <(python3 - <<'PY'
import socket
made = [socket.socket() for _ in range(3)]
for one in made:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in made))
PY
)
start() { # number, port
  "${as[@]}" mariadb-install-db --no-defaults --datadir="$folder/data$1" --auth-root-authentication-method=normal --skip-test-db \
    --tmpdir="$folder" --innodb-log-file-size=16M >/dev/null 2>&1
  "${as[@]}" "$daemon" --no-defaults --datadir="$folder/data$1" --socket="$folder/s$1.sock" --bind-address=127.0.0.1 --port="$2" --server-id="$1" \
    --pid-file="$folder/pid$1" --tmpdir="$folder" --log-bin=bin --skip-name-resolve --innodb-buffer-pool-size=16M --innodb-log-file-size=16M >"$folder/log$1" 2>&1 &
  pids+=($!)
  for _ in $(seq 300); do [ -S "$folder/s$1.sock" ] && return; kill -0 "$!" || { cat "$folder/log$1"; exit 2; }; sleep 0.1; done
}
start 1 "$first"
start 2 "$second"
python3 - "$relay" "$first" 2>/dev/null <<'PY' &
import socket, sys, threading
def pass_on(source, sink):
    while data := source.recv(65536):
        sink.sendall(data)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    near, _ = server.accept()
    far = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    for pair in ((near, far), (far, near)):
        threading.Thread(target=pass_on, args=pair, daemon=True).start()
PY
pids+=($!)
relaying=$!
for _ in $(seq 50); do (: >"/dev/tcp/127.0.0.1/$relay") 2>/dev/null && break; sleep 0.1; done
on() { mariadb --no-defaults -uroot -S "$folder/s$1.sock" -N -e "$2"; }
on 1 "create user r@'127.0.0.1' identified by 'r'; grant replication slave on *.* to r@'127.0.0.1'; create database x; create table x.t (n int)"
on 2 "change master to master_host='127.0.0.1', master_port=$relay, master_user='r', master_password='r', master_use_gtid=slave_pos; start slave"
status() { mariadb --no-defaults -uroot -S "$folder/s2.sock" -e 'show slave status\G' | sed -n "s/^ *$1: //p"; }
line() {
  local same=no
  [ "$(status Relay_Master_Log_File) $(status Exec_Master_Log_Pos)" = "$(on 1 'show master status' | cut -f1,2 | tr '\t' ' ')" ] && same=yes
  printf '%-20s  %-21s  %-3s  %-3s  %s\n' "$1" "$(status Seconds_Behind_Master)" "$(status Slave_IO_Running)" "$(status Slave_SQL_Running)" "$same"
}
for _ in $(seq 100); do [ "$(status Seconds_Behind_Master)" = 0 ] && break; sleep 0.1; done
{
  printf '%-20s  %-21s  %-3s  %-3s  %s\n' "" Seconds_Behind_Master IO SQL "executed = written"
  line "in step"
  kill -STOP "$relaying"
  for n in 1 2 3 4 5; do on 1 "insert into x.t values ($n)"; sleep 1; done
  line "dead for 5 s"
  kill -CONT "$relaying"
  sleep 2
  on 2 "stop slave sql_thread"
  on 1 "insert into x.t values (6)"
  sleep 1
  line "SQL thread stopped"
} | sed 's/ *$//' | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo "it has changed"; exit 1; }
                      Seconds_Behind_Master  IO   SQL  executed = written
in step               0                      Yes  Yes  yes
dead for 5 s          0                      Yes  Yes  no
SQL thread stopped    NULL                   Yes  No   no
SEEN
