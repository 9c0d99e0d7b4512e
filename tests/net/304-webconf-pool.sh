#!/bin/sh
# One connector with two edges, two connectors with one edge: who is led
# where; a ticket is good once in the whole pool, whoever starts again (T22); one edge goes, the other
# serves. Then the rate of a ticket, and a relay that is silent for too long.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/webconf.sh"

webconf_setup
lab_cert edge2 internal-ca edge2.int.contoso.test
ip -n "$EDGE" addr add 198.51.100.21/24 dev ext0
ip -n "$EDGE" addr add 10.0.0.11/24 dev int0
cat >"$LAB/topology.yaml" <<EOF
domains: [contoso.test]
edges:
  edges.int.contoso.test:
    next_hop: fe.int.contoso.test
    webconf: {name: webcon.contoso.test}
    machines:
      edge.int.contoso.test: {internal: 10.0.0.10, webconf: 198.51.100.20}
      edge2.int.contoso.test: {internal: 10.0.0.11, webconf: 198.51.100.21}
servers:
  fe.int.contoso.test: [sip, webconf]
  fe2.int.contoso.test: [webconf]
settings:
  webconf-edge: {relay_idle: 3s}
EOF
sed "s|^machine:.*|machine: edge2.int.contoso.test|; s|tls/edge\.|tls/edge2.|g
	s|$LAB/run|$LAB/run2|; s|$LAB/state|$LAB/state2|" \
	"$LAB/edge.yaml" >"$LAB/edge2.yaml"
webconf_up
in_edge edgectl -c "$LAB/edge2.yaml" topology apply "$LAB/topology.yaml" \
	>"$LAB/apply2.log" 2>&1 || fail "apply: $(cat "$LAB/apply2.log")"
lab_spawn up2 ip netns exec "$EDGE" edgectl -c "$LAB/edge2.yaml" up
UP2_PID=$SPAWNED
serves2() {
	in_edge edgectl -c "$LAB/edge2.yaml" status --json >"$LAB/status2.json" ||
		return 1
	grep -q '"serving"' "$LAB/status2.json"
}
lab_wait 20 "the second edge" serves2

target() { # PORT WORD
	lab_spawn "target$1" in_in python3 -c '
import socket, sys, threading
def talk(c):
    try:
        c.sendall(sys.argv[2].encode() + b"\n")
        if c.recv(100).startswith(b"much"):
            c.sendall(bytes(1000000))
        while c.recv(65536):
            pass
    except OSError:
        pass
    c.close()
s = socket.create_server(("10.0.0.20", int(sys.argv[1])))
while True:
    threading.Thread(target=talk, args=(s.accept()[0],), daemon=True).start()
' "$1" "$2"
}
target 8080 first
target 8081 second
lab_listens in_in 8080 8081
webconf_connector one fe 10.0.0.20:8080
lab_end "$WC_PID"
sed -i 's/^edges:.*/edges: [edge.int.contoso.test:8057, edge2.int.contoso.test:8057]/
	s/^hosts:.*/hosts: {edge.int.contoso.test: 10.0.0.10, edge2.int.contoso.test: 10.0.0.11}/' \
	"$LAB/one.yaml"
lab_spawn one ip netns exec "$IN" webconf-connector -c "$LAB/one.yaml" -l info
ONE_PID=$SPAWNED
ONE=$LAB/one/webconf-connector.admin.sock
webconf_connector two fe2 10.0.0.20:8081
TWO=$LAB/two/webconf-connector.admin.sock
webconf_registered 2
both() { [ "$(grep -c 'event=edge.connected' "$LAB/one.log")" -ge 2 ]; }
lab_wait 15 "one connector at two edges" both

# ---- who is led where ------------------------------------------------------
join() { # EDGE CONNECTOR WORD [OPTION...]
	_edge=$1 _connector=$2 _word=$3
	shift 3
	in_out edgectl test webconf --conference "$WC_URI" --edge "$_edge:443" \
		--connector "$_connector" --trust "$LAB/tls/external-ca.crt" \
		--send 'hello' --expect "$_word" "$@" >"$LAB/test.txt" 2>&1
}
join 198.51.100.20 "$ONE" first || fail "edge 1: $(cat "$LAB/test.txt")"
join 198.51.100.21 "$ONE" first || fail "edge 2: $(cat "$LAB/test.txt")"
join 198.51.100.20 "$TWO" second || fail "connector 2: $(cat "$LAB/test.txt")"
! join 198.51.100.21 "$TWO" second ||
	fail "a connector is reached over an edge it does not know"
echo "each ticket leads to its own server, over either edge"

# ---- once in the whole pool ------------------------------------------------
WC_SOCKET=$ONE
webconf_ticket "$LAB/once"
join 198.51.100.20 "$ONE" first --ticket "$(cat "$LAB/once")" ||
	fail "the first use: $(cat "$LAB/test.txt")"
! join 198.51.100.21 "$ONE" first --ticket "$(cat "$LAB/once")" ||
	fail "a ticket was good at two edges"
grep -q 'refuses: ticket' "$LAB/test.txt" || fail "$(cat "$LAB/test.txt")"
grep -q 'event=ticket.rejected .*edge="edge2.*reason=replayed' "$LAB/one.log" ||
	fail "the connector did not see the replay"
echo "a ticket is good once in the pool"

# ---- and over a restart of the connector -----------------------------------
webconf_ticket "$LAB/kept"
join 198.51.100.20 "$ONE" first --ticket "$(cat "$LAB/kept")" ||
	fail "the first use: $(cat "$LAB/test.txt")"
lab_end "$ONE_PID"
lab_spawn again ip netns exec "$IN" webconf-connector -c "$LAB/one.yaml" \
	-l info
both_again() { [ "$(grep -c 'event=edge.connected' "$LAB/again.log")" -ge 2 ]; }
lab_wait 15 "the connector at two edges again" both_again
for _edge in 198.51.100.21 198.51.100.20; do
	! join $_edge "$ONE" first --ticket "$(cat "$LAB/kept")" ||
		fail "a ticket was good again after a restart, at $_edge"
	grep -q 'refuses: ticket' "$LAB/test.txt" || fail "$(cat "$LAB/test.txt")"
done
grep -q 'event=ticket.rejected .*edge="edge2.*reason=replayed' "$LAB/again.log" ||
	fail "the connector has forgotten: $(cat "$LAB/again.log")"
join 198.51.100.21 "$ONE" first || fail "a new ticket: $(cat "$LAB/test.txt")"
echo "a used ticket stays used when the connector starts again"

# ---- one edge goes ---------------------------------------------------------
lab_end "$UP2_PID"
lab_wait 10 "the connector to see it" grep -q 'event=edge.lost edge="edge2' \
	"$LAB/again.log"
join 198.51.100.20 "$ONE" first || fail "the other edge: $(cat "$LAB/test.txt")"

# ---- a rate, and silence ---------------------------------------------------
webconf_ticket "$LAB/slow" --rate 300
in_out env PYTHONPATH=tests/net PYTHONDONTWRITEBYTECODE=1 python3 - \
	"$LAB/tls/external-ca.crt" "$(cat "$LAB/slow")" "$WC_URI" <<'END' ||
import sys, time
import wce
ca, ticket, uri = sys.argv[1:]
c = wce.client_tls(ca, "webcon.contoso.test", "198.51.100.20", 443)
c.send(wce.hello(wce.unb64(ticket), uri))
kind, payload = c.frame()
assert kind == 2, kind
assert int.from_bytes(wce.fields(payload)[0x11], "big") == 3
begin = time.time()
c.send(b"much")
assert c.raw(6) == b"first\n"
c.raw(1000000)
took = time.time() - begin
# 1,000,000 bytes at 300 KiB/s, the first second's worth at once.
assert 1.8 < took < 8.0, took
print("1 MB at 300 KiB/s took %.1f s" % took)
begin = time.time()
c.sock.settimeout(20)
assert c.sock.recv(1) == b"", "not closed"
took = time.time() - begin
assert 2.9 < took < 12, took
print("silent for %.1f s, then closed" % took)
END
	fail "rate or silence"
has_cause() {
	lab_ctl explain 198.51.100.77 >"$LAB/story.txt" &&
		grep -q 'reason=idle' "$LAB/story.txt"
}
lab_wait 5 "the cause of the end" has_cause
lab_ok "two edges, two connectors"
