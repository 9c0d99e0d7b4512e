#!/bin/sh
# Many clients over few connections: what servers and clients may do wrong on
# channels, one that is stuck beside one that is not; then the connector with
# two shared connections: pages, a large file, WebSocket, a crash, a drain.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/webconf.sh"

SETTINGS_WEBCONF='handshake_timeout: 3s, hello_timeout: 2s, pair_timeout: 1s, slot_wait: 2s, max_pending_per_source: 1000, new_connections_per_source: 1000, max_relays: 2000, failed_ticket_limit: 1000'
webconf_setup
webconf_topology fe.int.contoso.test fe2.int.contoso.test
webconf_up
PID=$(lab_pid webconf-edge)
stalled=stalled_channel
[ -z "${VALGRIND:-}" ] || stalled= # compares times
# shellcheck disable=SC2086
in_edge env PYTHONPATH=tests/net TMPDIR="$LAB" PYTHONDONTWRITEBYTECODE=1 \
	python3 tests/net/webconf_channels.py "$LAB/tls" "$PID" channels \
	channel_faults $stalled || fail "see above"
[ "$(lab_pid webconf-edge)" = "$PID" ] || fail "webconf-edge was started again"
nothing_is_left() {
	lab_ctl webconf relays --json >"$LAB/relays.json" &&
		lab_ctl webconf servers --json >"$LAB/servers.json" &&
		[ "$(lab_json "$LAB/relays.json" count)" = 0 ] &&
		! grep -q '"pool"' "$LAB/servers.json"
}
lab_wait 10 "the edge to forget all of them" nothing_is_left

# ---- the connector ---------------------------------------------------------
mkdir "$LAB/www"
echo "the board meets on Monday" >"$LAB/www/index.html"
head -c 8000000 /dev/urandom >"$LAB/www/big"
lab_spawn www in_in python3 -m http.server -b 10.0.0.20 -d "$LAB/www" 8080
lab_listens in_in 8080
webconf_connector fe-connector fe 10.0.0.20:8080 'multiplexed: 2'
shares() {
	lab_ctl webconf servers --json >"$LAB/servers.json" &&
		grep -q '"multiplexed": *2' "$LAB/servers.json" &&
		grep -q '"warm": *0' "$LAB/servers.json"
}
lab_wait 20 "two shared connections" shares
webconf_ticket "$LAB/ticket" --reusable
webconf_join join "$LAB/ticket"
get() { in_out curl -sf --max-time 20 "http://127.0.0.1:8443$1"; }
[ "$(get /)" = "the board meets on Monday" ] || fail "the page did not come"
for i in 1 2 3 4 5 6; do get /big >"$LAB/big.$i" & done
bigs_are_there() {
	for _i in 1 2 3 4 5 6; do
		cmp -s "$LAB/www/big" "$LAB/big.$_i" || return 1
	done
}
lab_wait 20 "six large files at once" bigs_are_there
connections() { in_in ss -Htn state established dport = :8057 | wc -l; }
[ "$(connections)" -eq 3 ] ||
	fail "one control and two shared connections, not $(connections)"
echo "six large files at once came over two connections"

# ---- a drain keeps who is there, the end of the edge does not stay ---------
mkfifo "$LAB/go"
in_out python3 -c '
import socket, sys, time
s = socket.create_connection(("127.0.0.1", 8443))
s.sendall(b"GET / HT")
print("begun", flush=True)
sys.stdin.readline()
s.sendall(b"TP/1.0\r\n\r\n")
data = b""
while True:
    more = s.recv(4096)
    if not more:
        break
    data += more
print("got" if b"Monday" in data else data, flush=True)
' <"$LAB/go" >"$LAB/slow" 2>&1 &
SLOW=$!
LAB_PIDS="$LAB_PIDS $SLOW"
exec 9>"$LAB/go"
lab_wait 5 "a slow client" grep -q begun "$LAB/slow"
is_relayed() {
	lab_ctl webconf relays --json >"$LAB/relays.json" &&
		grep -q '"way": *"channel"' "$LAB/relays.json"
}
lab_wait 5 "its relay" is_relayed
lab_ctl drain webconf-edge >/dev/null || fail "drain"
! get / >/dev/null || fail "a draining edge takes clients"
lab_ctl resume webconf-edge >/dev/null || fail "resume"
lab_wait 10 "clients again" get / >/dev/null
echo go >&9
exec 9>&-
lab_wait 10 "the slow client's page" grep -q got "$LAB/slow"
kill -9 "$PID"
lab_wait 20 "shared connections to the new edge" shares
lab_wait 10 "pages after a crash" get / >/dev/null
lab_end "$WC_PID"
lab_wait 10 "the edge to forget the connector" nothing_is_left
lab_ok "many clients over two connections"
