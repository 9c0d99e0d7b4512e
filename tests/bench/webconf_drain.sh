#!/bin/sh
# B9.6: 5,000 relays and a drain of DEADLINE seconds (30): none is cut before,
# all are at it, new clients hear at once where to go, and the daemon ends
# with status 0.
. "$(dirname "$0")/lib.sh"

RELAYS=${RELAYS:-5000}
DEADLINE=${DEADLINE:-30}
bench_setup
lab_cert webconf external-ca webcon.contoso.test
sed -i "s|^  internal: {chain|  external-webconf: {chain: $LAB/tls/webconf.crt, key: $LAB/tls/webconf.key}\n&|" \
	"$LAB/edge.yaml"
cat >"$LAB/topology.yaml" <<EOF
domains: [contoso.test]
edges:
  edge.int.contoso.test:
    next_hop: fe.int.contoso.test
    webconf: {name: webcon.contoso.test}
    machines:
      edge.int.contoso.test: {internal: 127.0.2.10, webconf: 127.0.1.11}
servers:
  fe.int.contoso.test: [sip, webconf]
settings:
  webconf-edge: {max_pending_per_source: 2000, new_connections_per_source: 100000, new_connections: 100000, max_relays: 9000, max_warm: 512, drain_alternates: [webcon2.contoso.test]}
lab: true
EOF
lab_ctl topology apply "$LAB/topology.yaml" >"$LAB/apply.log" 2>&1 ||
	fail "topology apply: $(cat "$LAB/apply.log")"
lab_spawn up in_edge edgectl -c "$LAB/edge.yaml" up
serving() { lab_ctl status --json >"$LAB/status.json" && grep -q '"serving"' "$LAB/status.json"; }
lab_wait 20 "webconf-edge" serving
PID=$(lab_pid webconf-edge)
in_edge webconf_load --edge 127.0.1.11:443 --inside 127.0.2.10:8057 \
	--name webcon.contoso.test --ca "$LAB/tls/external-ca.crt" \
	--cert "$LAB/tls/fe.crt" --key "$LAB/tls/fe.key" \
	--inside-ca "$LAB/tls/internal-ca.crt" --pairs "$RELAYS" --limit 16 \
	--hold "$LAB/held" >"$LAB/load.log" 2>&1 &
LAB_PIDS="$LAB_PIDS $!"
lab_wait 240 "$RELAYS relays" test -f "$LAB/held"
relays() {
	lab_ctl webconf relays --json >"$LAB/relays.json" || return 1
	lab_json "$LAB/relays.json" count
}
[ "$(relays)" = "$RELAYS" ] || fail "$(relays) relays, not $RELAYS"

begin=$(date +%s)
lab_ctl drain webconf-edge --deadline "$DEADLINE" >/dev/null || fail "drain"
in_edge env PYTHONPATH=tests/net PYTHONDONTWRITEBYTECODE=1 python3 -c '
import sys, wce
c = wce.client_tls(sys.argv[1], "webcon.contoso.test", "127.0.1.11", 443)
kind, payload = c.frame()
f = wce.fields(payload)
assert kind == 3 and f[0x20] == b"\2\1", (kind, f)
assert f[0x22] == b"webcon2.contoso.test:443", f
' "$LAB/tls/external-ca.crt" || fail "new clients are not sent elsewhere"
while [ $(($(date +%s) - begin)) -lt $((DEADLINE - 2)) ]; do
	_n=$(relays)
	# What was counted before the deadline counts.
	[ $(($(date +%s) - begin)) -ge $((DEADLINE - 1)) ] ||
		[ "$_n" = "$RELAYS" ] || fail "$_n of $RELAYS live before it"
	sleep 1
done
echo "$RELAYS relays lived until the deadline"
none() { [ "$(relays)" = 0 ]; }
lab_wait 20 "the end of all of them" none
kill -TERM "$PID"
is_down() { grep -q "event=child.ended child=webconf-edge pid=$PID status=0" "$LAB/up.log"; }
lab_wait 20 "webconf-edge to end with status 0" is_down
lab_ok "$RELAYS relays through a drain"
