#!/bin/sh
# The edge is killed, the connector drained and restarted: who comes back,
# what stays refused. A ticket that was used before the edge forgot it, and
# one that a broken-into edge could make with all it can read, are refused by
# the connector.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/webconf.sh"

webconf_setup
webconf_up
lab_spawn target in_in python3 -c '
import socket
s = socket.create_server(("10.0.0.20", 8080))
while True:
    c, _ = s.accept()
    c.sendall(b"inside\n")
    c.close()
'
lab_listens in_in 8080
webconf_connector fe-connector fe 10.0.0.20:8080
webconf_registered 1
PID=$(lab_pid webconf-edge)

# ---- the edge is killed ----------------------------------------------------
webconf_ticket "$LAB/once"
webconf_test --ticket "@$LAB/once" --timeout 5 >"$LAB/test.txt" ||
	fail "first join: $(cat "$LAB/test.txt")"
kill -9 "$PID"
is_new() { _p=$(lab_pid webconf-edge) && [ "$_p" != "$PID" ]; }
lab_wait 10 "another webconf-edge" is_new
webconf_registered 1
webconf_test >"$LAB/test.txt" || fail "join after a crash: $(cat "$LAB/test.txt")"
! webconf_test --ticket "@$LAB/once" --timeout 5 >"$LAB/test.txt" ||
	fail "a ticket was good twice"
grep -q 'refuses: ticket' "$LAB/test.txt" || fail "$(cat "$LAB/test.txt")"
grep -q 'event=ticket.rejected .*reason=replayed' "$LAB/fe-connector.log" ||
	fail "the connector did not see the replay"
echo "the edge forgets, the connector remembers"

# ---- what a thief of the edge can do ---------------------------------------
# Everything that the daemon's user can read holds no private ticket key.
EDGE_PID=$(lab_pid webconf-edge)
EDGE_UID=$(stat -c %u "/proc/$EDGE_PID")
GROUPS_OF=$(awk '/^Groups:/{gsub(" ", ","); sub("Groups:[,\t]*", ""); sub(",$", ""); print}' \
	"/proc/$EDGE_PID/status")
SECRET=$(sed -n 2p "$LAB/fe-connector/state/ticket.key")
[ ${#SECRET} -ge 40 ] || fail "no ticket key to look for"
# As that user: files, and the memory of the daemon itself.
thief() {
	setpriv --reuid "$EDGE_UID" --regid "$(stat -c %g "/proc/$EDGE_PID")" \
		--groups "${GROUPS_OF:-$EDGE_UID}" "$@"
}
[ "$(thief id -u)" = "$EDGE_UID" ] || fail "no thief"
thief find "$LAB" /run/sallyport /var/lib/sallyport /etc/sallyport -type f \
	-readable 2>/dev/null >"$LAB/readable" || true
[ "$(wc -l <"$LAB/readable")" -gt 5 ] || fail "the thief sees nothing at all"
while read -r f; do
	! thief grep -qaF -- "$SECRET" "$f" 2>/dev/null ||
		fail "the ticket key can be read: $f"
done <"$LAB/readable"
python3 - "$EDGE_PID" "$SECRET" <<'END' || fail "the ticket key is in memory"
import base64, sys
pid, text = sys.argv[1:]
seed = base64.b64decode(text)[-32:]
needles = [text.encode(), seed]
with open("/proc/%s/maps" % pid) as maps, \
        open("/proc/%s/mem" % pid, "rb", 0) as mem:
    seen = 0
    for line in maps:
        span, mode = line.split()[:2]
        if not mode.startswith("rw"):
            continue
        low, high = (int(x, 16) for x in span.split("-"))
        if high - low > 1 << 30: # the shadow of a sanitizer
            continue
        try:
            mem.seek(low)
            data = mem.read(high - low)
        except (OSError, ValueError):
            continue
        seen += len(data)
        assert not any(n in data for n in needles), line
assert seen > 1000000, seen
END
[ "$(stat -c %a "$LAB/fe-connector/state/ticket.key")" = 600 ] ||
	fail "mode of ticket.key"
# A PAIR of its own with a ticket of its own: a stand-in for the edge.
in_edge env PYTHONPATH=tests/net PYTHONDONTWRITEBYTECODE=1 python3 - \
	"$LAB/tls" <<'EOF' >"$LAB/evil.log" 2>&1 &
import os, socket, ssl, struct, sys
import wce
tls = sys.argv[1]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(tls + "/edge.crt", tls + "/edge.key")
context.load_verify_locations(tls + "/internal-ca.crt")
context.verify_mode = ssl.CERT_REQUIRED
listener = socket.create_server(("10.0.0.10", 9057))
key = wce.Key("/tmp")
asked = 0
while asked < 2:
    peer = wce.Peer(context.wrap_socket(listener.accept()[0],
                                        server_side=True))
    kind, payload = peer.frame()
    f = wce.fields(payload)
    if kind == 0x10:
        control = peer
        ident = f[0x30]
        key.number = struct.unpack(">H", f[0x33][:2])[0]
        peer.send(wce.frame(0x11, wce.tlv(0x40, bytes(16)) +
                            wce.tlv(0x41, b"webcon.contoso.test") +
                            wce.tlv(0x42, b"\x01\xbb") +
                            wce.tlv(0x43, bytes(4)) +
                            wce.tlv(0x44, b"\0\4") + wce.tlv(0x45, b"\0\24")))
        continue
    tick = wce.ticket(key, ident, "sip:board@contoso.test",
                      "webcon.contoso.test")
    peer.send(wce.frame(0x13, wce.tlv(0x10, os.urandom(16)) +
                        wce.tlv(1, tick) + wce.tlv(0x50, bytes(4)) +
                        wce.tlv(0x51, bytes(2))))
    kind, payload = peer.frame()
    assert kind == 0x15, kind
    assert wce.fields(payload)[0x20] == b"\x01\x01", payload
    asked += 1
print("refused")
EOF
LAB_PIDS="$LAB_PIDS $!"
lab_end "$WC_PID"
sed -i 's/^edges:.*/edges: [edge.int.contoso.test:8057, edge.int.contoso.test:9057]/' \
	"$LAB/fe-connector.yaml"
lab_spawn fe-connector ip netns exec "$IN" webconf-connector -c "$LAB/fe-connector.yaml" -l info
WC_PID=$SPAWNED
lab_wait 15 "the forged tickets to be refused" grep -q refused "$LAB/evil.log"
grep -q 'event=ticket.rejected .*reason=signature' "$LAB/fe-connector.log" ||
	fail "the connector did not see the forgery"
webconf_registered 1
webconf_test >"$LAB/test.txt" || fail "join after a restart: $(cat "$LAB/test.txt")"
echo "a broken-into edge gets nothing out of a ticket it made"

# ---- the connector drains --------------------------------------------------
drain() {
	curl -s --unix-socket "$WC_SOCKET" -d '{}' "http://c/v1/$1" >"$LAB/drain.json"
}
drain drain || fail "drain"
! webconf_test >"$LAB/test.txt" 2>&1 || fail "a drained connector takes clients"
drain resume || fail "resume"
webconf_registered 1
lab_wait 5 "a join after the resume" webconf_test
lab_end "$WC_PID"
nobody() { ! webconf_has 1; }
lab_wait 5 "the edge to forget the server" nobody
lab_ok "crash, theft, drain"
