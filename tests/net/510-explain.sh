#!/bin/sh
# Why was that? edgectl explain tells it from the memory of the daemons
# (R10): an expired credential, a forged one, a quota, an allocation's end,
# an untrusted server, a request without a way, and what a user was given. A
# flood of strangers pushes none of it out.
. "$(dirname "$0")/lib.sh"

SETTINGS_AV='allocations_per_user: 1'
lab_setup
lab_up

# explain SUBJECT PATTERN: is it in the story?
explain() {
	lab_ctl explain "$1" >"$LAB/story.txt" 2>&1 ||
		fail "explain $1: status $?: $(cat "$LAB/story.txt")"
	grep -q -- "$2" "$LAB/story.txt" ||
		fail "explain $1: no '$2' in: $(cat "$LAB/story.txt")"
	echo "explain $1: $2"
}

# ---- nothing yet -----------------------------------------------------------
! lab_ctl explain nobody@contoso.test >"$LAB/story.txt" 2>&1 ||
	fail "status 0 about nobody"
grep -q 'edgectl connections --user' "$LAB/story.txt" ||
	fail "no hint: $(cat "$LAB/story.txt")"

# ---- credentials -----------------------------------------------------------
lab_ctl credentials issue --user sip:alice@contoso.test --json \
	>"$LAB/alice.json" || fail "issue"
USER_NAME=$(lab_json "$LAB/alice.json" username)
PASSWORD=$(lab_json "$LAB/alice.json" password)
# turn USER PASSWORD: is the relay's answer yes?
turn() {
	in_out timeout 30 turnutils_uclient -c -y -n 5 -m 1 -l 172 -u "$1" \
		-w "$2" 198.51.100.30 >"$LAB/uclient.txt" 2>&1
}
! turn "$USER_NAME" wrong || fail "a wrong password is taken"
explain 198.51.100.77 'cause=bad-integrity'
grep -q -- '-> the password does not belong' "$LAB/story.txt" ||
	fail "no advice: $(cat "$LAB/story.txt")"
# -y makes two allocations, one may be held.
! turn "$USER_NAME" "$PASSWORD" || fail "the quota of 1 is not kept"
explain 198.51.100.77 'code=486'
# av-auth knows whose credential it is, av-edge what became of it: one story.
explain sip:alice@contoso.test 'credentials.issued_by_bus'
grep -q 'code=486' "$LAB/story.txt" ||
	fail "the credential was not followed: $(cat "$LAB/story.txt")"

# ---- a server without the right ----------------------------------------------
printf '' | in_in timeout 5 openssl s_client -quiet \
	-cert "$LAB/tls/stranger.crt" -key "$LAB/tls/stranger.key" \
	-CAfile "$LAB/tls/internal-ca.crt" -connect 10.0.0.10:5062 \
	>/dev/null 2>&1 || true
explain stranger.int.contoso.test 'has the right av-auth'

# ---- a request that goes nowhere ---------------------------------------------
{
	printf 'OPTIONS sip:bob@elsewhere.test SIP/2.0\r\n'
	printf 'Via: SIP/2.0/TLS 198.51.100.77:5061;branch=z9hG4bKx1\r\n'
	printf 'Max-Forwards: 69\r\nFrom: <sip:carol@contoso.test>;tag=1\r\n'
	printf 'To: <sip:bob@elsewhere.test>\r\nCall-ID: lost-call-1\r\n'
	printf 'CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n'
	sleep 1
} | in_out timeout 5 openssl s_client -quiet -CAfile "$LAB/tls/external-ca.crt" \
	-connect 198.51.100.10:443 >"$LAB/options.txt" 2>&1 || true
grep -q 'SIP/2.0 [45]' "$LAB/options.txt" ||
	fail "no refusal: $(cat "$LAB/options.txt")"
explain lost-call-1 'request.failed'
explain carol 'request.failed'

# ---- strangers in great number ------------------------------------------------
in_out python3 - <<'EOF'
import os, socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def attr(t, v):
    return struct.pack(">HH", t, len(v)) + v + bytes(-len(v) % 4)
for i in range(20000):
    a = attr(6, b"user%d" % i) + attr(0x14, b"x") + attr(0x15, b"y")
    a += struct.pack(">HH", 8, 20) + os.urandom(20)
    m = struct.pack(">HHI", 3, len(a), 0x2112A442) + os.urandom(12) + a
    s.sendto(m, ("198.51.100.30", 3478))
EOF
explain alice 'code=486'
explain lost-call-1 'request.failed'
lab_ctl explain 198.51.100.77 --json >"$LAB/story.json" || fail "explain"
python3 - "$LAB/story.json" <<'EOF' || fail "the flood is not bounded"
import json, sys
r = json.load(open(sys.argv[1]))["records"]
assert 1 <= len([x for x in r if "unknown-user" in x["text"]]) <= 32, len(r)
assert [x["at_ms"] for x in r] == sorted(x["at_ms"] for x in r)
EOF
lab_ok "explain"
