#!/bin/sh
# The doctor finds what is wrong and says what to do (requirement R31).
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/loopback.sh"

loop_setup
loop_init
cp -a "$LAB/etc" "$LAB/good"
repair() {
	rm -rf "$LAB/etc"
	cp -a "$LAB/good" "$LAB/etc"
}

# leaf USE NAME DAYS...: a certificate of the lab's own authority
leaf() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj "/CN=$2" -addext "subjectAltName=DNS:$2" -days "$3" \
		-addext "basicConstraints=critical,CA:FALSE" \
		-CA "$LAB/etc/tls/$4-ca.crt" -CAkey "$LAB/etc/lab-ca/$4-ca.key" \
		-keyout "$LAB/leaf.key" -out "$LAB/leaf.crt" 2>/dev/null
	# In place: owner and mode stay.
	cat "$LAB/leaf.key" >"$LAB/etc/tls/$1.key"
	cat "$LAB/leaf.crt" >"$LAB/etc/tls/$1.crt"
}

echo "# nothing runs: warnings only, each with what to do"
loop_ctl doctor --json >"$LAB/doctor.json" || fail "a good set-up fails"
python3 - "$LAB/doctor.json" <<'END' || fail "findings are incomplete"
import json, sys
d = json.load(open(sys.argv[1]))
rooms = {f["room"] for f in d["findings"]}
want = {"configuration", "certificates", "names", "routes", "listeners",
        "clock", "kernel"}
assert want <= rooms, want - rooms
for f in d["findings"]:
    assert f["level"] == "ok" or f.get("todo"), f
assert d["failed"] == 0 and d["ok"] is True
END

echo "# wrong name inside"
leaf internal other.int.lab.test 30 internal
refused 1 'lacks the name edge.int.lab.test' loop_ctl doctor
repair

echo "# wrong name outside"
leaf external-sip www.lab.test 30 external
refused 1 'lacks the name sip.lab.test' loop_ctl doctor
repair

echo "# signed by the wrong side's authority"
leaf external-sip sip.lab.test 30 internal
refused 1 'is not signed by' loop_ctl doctor
repair

echo "# no authority of the inside"
rm "$LAB/etc/tls/internal-ca.crt"
refused 1 'trust, internal: .*internal-ca.crt: No such file' loop_ctl doctor
repair

echo "# expired: told once, and not as a chain that leads nowhere"
printf 'subjectAltName=DNS:edge.int.lab.test\n' >"$LAB/extensions"
openssl req -new -key "$LAB/etc/tls/internal.key" -subj /CN=edge.int.lab.test |
	openssl x509 -req -days -1 -CA "$LAB/etc/tls/internal-ca.crt" \
		-CAkey "$LAB/etc/lab-ca/internal-ca.key" -CAcreateserial \
		-extfile "$LAB/extensions" -out "$LAB/old.crt" 2>/dev/null
cat "$LAB/old.crt" >"$LAB/etc/tls/internal.crt"
if loop_ctl doctor >"$LAB/doctor.log" 2>&1; then
	fail "an expired certificate is fine"
fi
[ "$(grep -c 'fail  internal: .*/internal.crt: expired 1 day ago' "$LAB/doctor.log")" -eq 1 ] ||
	fail "expiry is not told once"
! grep -q 'is not signed by' "$LAB/doctor.log" || fail "the chain is blamed"
repair

echo "# about to expire"
leaf external-sip sip.lab.test 9 external
loop_ctl doctor >"$LAB/doctor.log" || fail "an old certificate is fatal"
grep -q 'warn  external-sip: .*: expires in' "$LAB/doctor.log" ||
	fail "expiry is not told"
repair

echo "# key that everybody can read"
chmod 644 "$LAB/etc/tls/external-sip.key"
loop_ctl doctor | grep -q 'everybody can read the key' ||
	fail "open key is not told"
repair

echo "# a folder on the way to the key that only root may enter"
mkdir -p "$LAB/archive/live"
cp -a "$LAB/etc/tls/external-sip.key" "$LAB/archive/live/"
ln -sf "$LAB/archive/live/external-sip.key" "$LAB/etc/tls/external-sip.key"
loop_ctl doctor >/dev/null || fail "a link is blamed"
chmod 700 "$LAB/archive"
refused 1 "can't pass through $LAB/archive\$" loop_ctl doctor
repair

echo "# an address that this host does not have"
sed -i 's/internal: 127.0.2.10/internal: 10.99.99.10/' "$LAB/etc/topology.yaml"
loop_ctl topology apply "$LAB/etc/topology.yaml" >/dev/null || fail "apply"
refused 1 '10.99.99.10 (internal) is on no device' loop_ctl doctor
loop_ctl topology rollback >/dev/null || fail "rollback"
repair

echo "# next hop with whom no TLS connection comes about"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-subj "/CN=inside.int.lab.test" \
	-addext "subjectAltName=DNS:inside.int.lab.test" \
	-keyout "$LAB/strange.key" -out "$LAB/strange.crt" 2>/dev/null
# serve CHAIN KEY TRUSTED: the next hop, with these
serve() {
	lab_spawn hop ip netns exec "$EDGE" openssl s_server -quiet \
		-accept 127.0.2.20:5061 -cert "$1" -key "$2" -CAfile "$3" \
		-Verify 1 -verify_return_error
	HOP=$SPAWNED
	lab_wait 10 "the next hop" sh -c \
		"ip netns exec $EDGE edgectl -c $CONF doctor |
			grep -q 'accepts connections'"
}
good=$LAB/etc/lab-ca/inside.int.lab.test
ca=$LAB/etc/tls/internal-ca.crt
serve "$LAB/strange.crt" "$LAB/strange.key" "$ca"
refused 1 'do not believe the certificate of inside.int.lab.test: self-sig' \
	loop_ctl doctor
lab_end "$HOP"
serve "$good.crt" "$good.key" "$LAB/strange.crt"
refused 1 'inside.int.lab.test: TLS: .*unknown ca' loop_ctl doctor
lab_end "$HOP"
serve "$LAB/etc/tls/internal.crt" "$LAB/etc/tls/internal.key" "$ca"
refused 1 'the certificate of inside.int.lab.test lacks that name' \
	loop_ctl doctor
lab_end "$HOP"
serve "$good.crt" "$good.key" "$ca"
loop_ctl doctor >"$LAB/doctor.log" || fail "a good next hop is blamed"
grep -q "believe each other's certificates" "$LAB/doctor.log" ||
	fail "a good next hop is not praised"
lab_end "$HOP"

echo "# next hop without an address"
sed -i '/inside.int.lab.test: 127/d; /^  hosts:/d; /^resolver:/d' "$CONF"
: >"$LAB/resolv.conf"
refused 1 'next hop: inside.int.lab.test' loop_ctl doctor
repair

echo "# no configuration at all"
refused 1 'edgectl init' loop_edge edgectl -c "$LAB/nowhere.yaml" doctor

lab_ok "the doctor finds it"
