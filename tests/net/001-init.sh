#!/bin/sh
# edgectl init: files, modes and owners; nothing is overwritten; wrong
# answers name the option; requests for somebody else's authority.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/loopback.sh"

mode() { stat -c '%a %u' "$1"; }

loop_setup
loop_init

echo "# keys are readable by those who need them, and nobody else"
[ "$(mode "$LAB/etc/tls/external-sip.key")" = "600 $(stat -c %u \
	"$LAB/state/access-edge")" ] || fail "external-sip.key: \
$(mode "$LAB/etc/tls/external-sip.key")"
[ "$(mode "$LAB/etc/tls/internal.key")" = "640 0" ] ||
	fail "internal.key: $(mode "$LAB/etc/tls/internal.key")"
case $(mode "$LAB/etc/tls/external-webconf.key") in
"600 0" | "$(mode "$LAB/etc/tls/external-sip.key")")
	fail "external-webconf.key is not webconf-edge's own" ;;
600\ *) ;;
*) fail "external-webconf.key: $(mode "$LAB/etc/tls/external-webconf.key")" ;;
esac
for f in internal-ca.key external-ca.key inside.int.lab.test.key; do
	[ "$(mode "$LAB/etc/lab-ca/$f")" = "600 0" ] || fail "$f: $(mode \
		"$LAB/etc/lab-ca/$f")"
done

echo "# certificates carry the names of access-edge.md 13.2, and verify"
openssl x509 -noout -ext subjectAltName -in "$LAB/etc/tls/external-sip.crt" |
	grep -q 'DNS:sip.lab.test' || fail "external-sip lacks its name"
openssl x509 -noout -ext subjectAltName -in "$LAB/etc/tls/internal.crt" |
	grep -q 'DNS:edge.int.lab.test' || fail "internal lacks its name"
openssl x509 -noout -ext subjectAltName \
	-in "$LAB/etc/tls/external-webconf.crt" |
	grep -q 'DNS:webcon.lab.test' || fail "external-webconf lacks its name"
openssl verify -CAfile "$LAB/etc/tls/external-ca.crt" \
	"$LAB/etc/tls/external-webconf.crt" \
	"$LAB/etc/tls/external-sip.crt" >/dev/null || fail "external chain"
openssl verify -CAfile "$LAB/etc/tls/internal-ca.crt" \
	"$LAB/etc/tls/internal.crt" "$LAB/etc/lab-ca/inside.int.lab.test.crt" \
	>/dev/null || fail "internal chain"

echo "# what exists stays, byte for byte, unless --force"
sha256sum "$LAB"/etc/*.yaml "$LAB"/etc/tls/* >"$LAB/before"
refused 2 'exists already' loop_edge edgectl init --loopback \
	--directory "$LAB/etc" --run-dir "$LAB/run" --state-dir "$LAB/state"
sha256sum --quiet -c "$LAB/before" || fail "a refused init changed files"
loop_edge edgectl init --loopback --force --directory "$LAB/etc" \
	--run-dir "$LAB/run" --state-dir "$LAB/state" >/dev/null ||
	fail "init --force"

echo "# applying what was written changes nothing more"
loop_ctl topology dump >"$LAB/dump.yaml" || fail "dump"
loop_ctl topology plan "$LAB/etc/topology.yaml" >"$LAB/plan" ||
	fail "plan: $(cat "$LAB/plan")"

echo "# all by options, with requests"
loop_edge edgectl init --yes --domain example.test,second.test \
	--machine edge.int.example.test --internal-address 10.0.0.10 \
	--access-address 192.0.2.10 --av-address 192.0.2.12 \
	--av-nat 198.51.100.12 --webconf-address 192.0.2.11 --next-hop fe.int.example.test:5071 \
	--certificates csr --federation yes --directory "$LAB/csr" \
	--run-dir "$LAB/run2" --state-dir "$LAB/state2" --json \
	>"$LAB/csr.json" || fail "init with requests: $(cat "$LAB/csr.json")"
openssl req -noout -text -verify -in "$LAB/csr/tls/external-sip.csr" \
	>"$LAB/csr.text" 2>&1 || fail "request does not verify"
grep -q 'DNS:sip.example.test, DNS:sip.second.test' "$LAB/csr.text" ||
	fail "request lacks names: $(grep DNS "$LAB/csr.text")"
grep -q 'next_hop: fe.int.example.test:5071' "$LAB/csr/topology.yaml" ||
	fail "next hop's port"
grep -q 'webconf: {name: webcon.example.test}' "$LAB/csr/topology.yaml" ||
	fail "name of web conferences"
openssl req -noout -text -in "$LAB/csr/tls/external-webconf.csr" |
	grep -q 'DNS:webcon.example.test' || fail "request of web conferences"
grep -q 'av: {address: 192.0.2.12, nat: 198.51.100.12}, webconf: 192.0.2.11' \
	"$LAB/csr/topology.yaml" || fail "NAT address"
[ "$(lab_json "$LAB/csr.json" ok)" = true ] || fail "no ok in JSON"
[ "$(lab_json "$LAB/csr.json" doctor.ok)" = false ] ||
	fail "the doctor does not miss the certificates"

echo "# wrong answers name the option and write nothing"
wrong() {
	_text=$1
	shift
	refused 2 "$_text" loop_edge edgectl init --yes --directory "$LAB/none" \
		--next-hop fe.a.test "$@"
	[ ! -e "$LAB/none" ] || fail "a refused init wrote files"
}
wrong '--domain is needed' --internal-address 10.0.0.1
wrong '--access-address 192.0.2.999: not an address' --domain a.test \
	--machine e.a.test --internal-address 10.0.0.1 \
	--access-address 192.0.2.999 --av-address 192.0.2.2
wrong '--machine edge: not a host name' --domain a.test --machine edge
wrong 'are the same' --domain a.test --machine e.a.test \
	--internal-address 192.0.2.1 --access-address 192.0.2.1 \
	--av-address 192.0.2.2
wrong 'did you mean --domain' --domian a.test
wrong 'is a loopback address' --domain a.test --machine e.a.test \
	--internal-address 127.0.0.1 --access-address 192.0.2.1 \
	--av-address 192.0.2.2

lab_ok "init writes what it should, and nothing else"
