#!/bin/sh
# S16: secrets and names that clients and servers send turn up in no log,
# status, metric or explanation, and no byte of theirs makes a line of its
# own. S17: a connection counts for the certificate that it was opened with:
# nothing is resumed inside, and no slot joins another's registration.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/webconf.sh"

command -v python3 >/dev/null || skip "needs python3"
SETTINGS_WEBCONF='max_pending_per_source: 1000, new_connections_per_source: 1000, failed_ticket_limit: 1000'
webconf_setup
webconf_topology fe.int.contoso.test fe2.int.contoso.test
webconf_apply
lab_spawn up ip netns exec "$EDGE" edgectl -c "$LAB/edge.yaml" up \
	--log-level debug
lab_wait 20 "webconf-edge to serve" webconf_is_serving
lab_spawn www in_in python3 -m http.server -b 10.0.0.20 -d "$LAB/tls" 8080
lab_listens in_in 8080

# ---- S16: canaries ---------------------------------------------------------
CANARY=canary4711
WC_URI="sip:$CANARY-meeting@contoso.test"
WC_LOG=debug webconf_connector fe-connector fe 10.0.0.20:8080
webconf_registered 1
webconf_ticket "$LAB/ticket" --reusable --user "sip:$CANARY-user@contoso.test"
webconf_join join "$LAB/ticket"
in_out curl -sf --max-time 10 "http://127.0.0.1:8443/?$CANARY-bytes" \
	>/dev/null || fail "no page"
in_out env PYTHONPATH=tests/net PYTHONDONTWRITEBYTECODE=1 python3 - \
	"$LAB/tls/external-ca.crt" "$CANARY" <<'END' || fail "hostile clients"
import os, sys
import wce
ca, canary = sys.argv[1:]
def hello(tick, uri, product=b""):
    return wce.frame(1, wce.tlv(1, tick) + wce.tlv(2, uri) +
                     wce.tlv(3, os.urandom(16)) + wce.tlv(4, product))
evil = (canary + "\r\nevent=forged level=error\x00\x1b[31m\xff").encode(
    "latin-1")
for tick, uri, product in (
        (bytes(209), evil, b""), (b"WCT1" + evil * 4, evil, evil),
        (bytes(209), b"sip:x@contoso.test", evil)):
    c = wce.client_tls(ca, "webcon.contoso.test", "198.51.100.20", 443)
    c.send(hello(tick, uri, product[:64]))
    assert c.code() in (0x101, 1, 0x102), "answered"
END
in_edge env PYTHONPATH=tests/net TMPDIR="$LAB" PYTHONDONTWRITEBYTECODE=1 \
	python3 - "$LAB/tls" "$CANARY" <<'END' || fail "hostile servers"
import os, struct, sys
import wce
tls, canary = sys.argv[1:]
key = wce.Key(os.environ["TMPDIR"])
evil = (canary + "\nevent=forged\r\x1b[2J").encode()
for pool in (evil, b"pool.test"):
    s = wce.Server(tls + "/fe2", tls + "/internal-ca.crt", "10.0.0.10", key)
    c = s.connect()
    c.send(wce.frame(0x10, wce.tlv(0x30, s.ident) + wce.tlv(0x31, pool) +
                     wce.tlv(0x32, bytes(4)) +
                     wce.tlv(0x33, struct.pack(">HB", 7, 1) + key.public) +
                     wce.tlv(0x37, struct.pack(">I", 10)) +
                     wce.tlv(0x38, struct.pack(">Q", s.epoch))))
    c.frame()
    c.send(wce.frame(0x33, evil))
    c.code()
END
lab_ctl webconf relays --json >"$LAB/said.1"
lab_ctl webconf servers --json >"$LAB/said.2"
lab_ctl status --json >"$LAB/said.3" || true
lab_ctl explain 198.51.100.77 --json >"$LAB/said.4" || true
lab_ctl explain fe2.int.contoso.test --json >"$LAB/said.5" || true
for _d in webconf-edge; do
	curl -s --unix-socket "$LAB/run/$_d.sock" http://e/metrics >"$LAB/said.6"
	curl -s --unix-socket "$LAB/run/$_d.sock" http://e/v1/config >"$LAB/said.7"
done
curl -s --unix-socket "$LAB/fe-connector/webconf-connector.sock" \
	http://c/v1/status >"$LAB/said.8"
curl -s --unix-socket "$LAB/fe-connector/webconf-connector.sock" \
	http://c/metrics >"$LAB/said.9"
[ -s "$LAB/said.2" ] && [ -s "$LAB/said.6" ] && [ -s "$LAB/said.8" ] ||
	fail "nothing was said"
# The ticket in text and bytes, its id, the keys, and what the canary named.
python3 - "$LAB/ticket" "$LAB/fe-connector/state/ticket.key" \
	>"$LAB/secrets" <<'END'
import base64, sys
text = open(sys.argv[1]).read().strip()
raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
print(text)
print(raw[24:40].hex())
print(raw[56:88].hex())
print(raw[-64:].hex())
for line in open(sys.argv[2]):
    if not line.startswith("-----"):
        print(line.strip())
print("canary4711")
END
for _f in "$LAB"/up.log "$LAB"/fe-connector.log "$LAB"/join.log "$LAB"/said.*; do
	! grep -qF -f "$LAB/secrets" "$_f" ||
		fail "$_f: $(grep -F -f "$LAB/secrets" "$_f" | head -n 3)"
	! grep -q 'event=forged' "$_f" || fail "$_f: a forged line"
	! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$_f" ||
		fail "$_f: control characters"
done
[ -z "$(grep -Ev '^(2[0-9-]+T[0-9:.]+Z [a-z-]+ (error|warning|notice|info|debug) event=|ready$)' \
	"$LAB/up.log" "$LAB/fe-connector.log")" ] ||
	fail "lines of another shape in the logs"
echo "no secret in $(cat "$LAB"/up.log "$LAB"/fe-connector.log | wc -l) lines of log"

# ---- S17: who a connection is ----------------------------------------------
lab_end "$WC_PID"
inside() { # CERT OPTION...
	_c=$1
	shift
	in_edge openssl s_client -connect 10.0.0.10:8057 -cert "$LAB/tls/$_c.crt" \
		-key "$LAB/tls/$_c.key" -CAfile "$LAB/tls/internal-ca.crt" \
		-verify_return_error "$@" 2>&1
}
for _v in -tls1_2 -tls1_3; do
	(sleep 1) | inside fe "$_v" -sess_out "$LAB/session" >"$LAB/one" || true
	grep -q 'Verify return code: 0' "$LAB/one" || fail "no handshake: $(cat "$LAB/one")"
	[ -s "$LAB/session" ] || continue
	(sleep 1) | inside fe2 "$_v" -sess_in "$LAB/session" >"$LAB/two" || true
	! grep -q '^Reused' "$LAB/two" || fail "$_v: a session was resumed inside"
done
in_edge env PYTHONPATH=tests/net TMPDIR="$LAB" RUN="$LAB/run" \
	PYTHONDONTWRITEBYTECODE=1 python3 tests/net/webconf_attack.py \
	"$LAB/tls" "$(lab_pid webconf-edge)" registrations ||
	fail "see above"
echo "no session is resumed, no slot counts for another's certificate"
lab_ok "nothing is told, nobody is another"
