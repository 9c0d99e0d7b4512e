#!/bin/sh
# Wrong and hostile clients and servers of webconf-edge: who speaks first,
# certificates, the ticket matrix, slow ones, forged registrations, pairing
# when somebody goes, back-pressure; then bans, a drain, and a right that is
# taken away. Second implementation of the protocol in wce.py.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/webconf.sh"

command -v python3 >/dev/null || skip "needs python3"
FAST='handshake_timeout: 3s, hello_timeout: 2s, pair_timeout: 1s, slot_wait: 1s'
# The servers of these tests do not always listen to PING.
WIDE='heartbeat: 300s, max_pending_per_source: 1000, new_connections_per_source: 1000, max_relays: 2000'
SETTINGS_WEBCONF="$FAST, $WIDE, failed_ticket_limit: 1000"
webconf_setup
webconf_topology fe.int.contoso.test fe2.int.contoso.test
webconf_up
PID=$(lab_pid webconf-edge)
# AddressSanitizer keeps what was freed for a while.
if grep -q __asan_init "$B/bin/webconf-edge"; then
	GROWTH_MAX=500000000
	export GROWTH_MAX
fi
attack() {
	in_edge env PYTHONPATH=tests/net TMPDIR="$LAB" PYTHONDONTWRITEBYTECODE=1 \
		python3 tests/net/webconf_attack.py "$LAB/tls" "$PID" "$@"
}
# First, while the heap has no room left over that could hide growth.
attack back_pressure hoard || fail "see above"
attack who_speaks_first certificates tickets openings slow registrations \
	frames_out_of_turn pairing bytes last_words many || fail "see above"
[ "$(lab_pid webconf-edge)" = "$PID" ] || fail "webconf-edge was started again"
nothing_is_left() {
	lab_ctl webconf relays --json >"$LAB/relays.json" &&
		lab_ctl webconf servers --json >"$LAB/servers.json" &&
		[ "$(lab_json "$LAB/relays.json" count)" = 0 ] &&
		! grep -q '"pool"' "$LAB/servers.json"
}
lab_wait 10 "the edge to forget all of them" nothing_is_left
[ "$(webconf_counter clients_pending)" = 0 ] || fail "clients are left over"

# ---- a relay while the edge is changed -------------------------------------
mkfifo "$LAB/say"
(CERT=fe2 attack idle_relay <"$LAB/say" >"$LAB/heard" 2>&1) &
RELAY=$!
LAB_PIDS="$LAB_PIDS $RELAY"
exec 9>"$LAB/say"
heard() { tail -n 1 "$LAB/heard" | grep -q "$1"; }
say() {
	echo "$1" >&9
	lab_wait 15 "$2" heard "$2"
}
lab_wait 10 "the relay" heard joined
say ping pong
sed -i "s/failed_ticket_limit: 1000/failed_ticket_limit: 1000, drain_alternates: [webcon2.contoso.test]/" \
	"$LAB/topology.yaml"
webconf_apply
echo >"$LAB/heard"
say ping pong
echo "a new topology does not touch the relay"
lab_ctl drain webconf-edge --deadline 60 >/dev/null ||
	lab_ctl drain webconf-edge >/dev/null || fail "drain"
say alternates webcon2.contoso.test:443
echo >"$LAB/heard"
say ping pong
lab_ctl resume webconf-edge >/dev/null || fail "resume"
echo "a drain sends new clients elsewhere and keeps the relay"

# the right is taken away: at once
sed -i '/fe2.int/d' "$LAB/topology.yaml"
webconf_apply
say closed closed
exec 9>&-
echo "a server that lost its right lost its relay"

# ---- S16: penalties, and nothing secret in the log -------------------------
sed -i 's/failed_ticket_limit: 1000/failed_ticket_limit: 5, failed_ticket_ban: 3s/' \
	"$LAB/topology.yaml"
webconf_apply
ban() {
	in_out env PYTHONPATH=tests/net PYTHONDONTWRITEBYTECODE=1 python3 -c '
import sys, wce
def one(local):
    try:
        c = wce.client_tls(sys.argv[1], "webcon.contoso.test",
                           "198.51.100.20", 443, local)
        c.send(wce.hello(bytes(209), "sip:x@contoso.test"))
        return c.code()
    except (OSError, EOFError):
        return None
codes = [one("198.51.100.77") for _ in range(8)]
print(codes)
assert codes == [0x101] * 6 + [None] * 2, codes
assert one("198.51.100.78") == 0x101
' "$LAB/tls/external-ca.crt"
}
ban || fail "no ban"
grep -q 'event=client.banned remote=198.51.100.77' "$LAB/up.log" ||
	fail "the ban is not logged"
! grep -q V0NUM "$LAB/up.log" || fail "a ticket is in the log"
lab_ok "hostile clients and servers"
