#!/bin/sh
# Who may come in and who may not, by the daemons themselves: every kind of
# partner, every certificate that is not good enough, blocked domains, the
# limits of discovered partners, and a watch list that a restart does not
# wipe. Peers hear 504 and no more; `edgectl partners` hears everything.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/partners.sh"

SETTINGS_ACCESS='enable_partner_discovery: true, discovered_partner_standard_rate: 10, max_contacts_per_discovered_partner: 12'
TOPOLOGY_MORE='partners:
  blocked.test: block
  direct.test: {edge: edge.direct.test, verification: always}
  listed.test: allow
providers:
  cloud: {proxy: edge.cloud.test}'
partners_setup
cat >>"$LAB/dns" <<'END'
srv-host=_sipfederationtls._tcp.listed.test,sip.listed.test,5061
srv-host=_sipfederationtls._tcp.found.test,sip.found.test,5061
srv-host=_sipfederationtls._tcp.deep.test,edge.sub.deep.test,5061
srv-host=_sipfederationtls._tcp.blocked.test,sip.blocked.test,5061
address=/sip.listed.test/203.0.113.78
END
partners_dns
lab_spawn inside in_in tests/net/fed.py answer 10.0.0.20:5061 \
	--cert "$LAB/tls/fe.crt" --key "$LAB/tls/fe.key" \
	--ca "$LAB/tls/internal-ca.crt"
lab_listens in_in 5061
lab_up

# cert NAME DNS-NAME...: of the public authority
cert() {
	lab_cert "$1" external-ca "$@"
}
cert edge.direct.test
cert sip.listed.test
cert sip.found.test
cert edge.sub.deep.test sip.deep.test
cert sip.nowhere.test
cert edge.cloud.test
cert sip.blocked.test
cert '*.found.test'
lab_cert sip.foreign foreign-ca sip.found.test
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-subj "/CN=sip.found.test" -days 1 \
	-addext "subjectAltName=DNS:sip.found.test" \
	-addext "basicConstraints=critical,CA:FALSE" \
	-CA "$LAB/tls/external-ca.crt" -CAkey "$LAB/tls/external-ca.key" \
	-keyout "$LAB/tls/expired.key" -out "$LAB/tls/expired.crt" \
	-not_before 20200101000000Z -not_after 20200201000000Z 2>/dev/null ||
	# Older openssl has no such options: sign with its small CA.
	python3 - "$LAB/tls" <<'END' || fail "no expired certificate"
import subprocess, sys, os
d = sys.argv[1]
os.makedirs(d + "/ca", exist_ok=True)
open(d + "/ca/index.txt", "w").close()
open(d + "/ca/serial", "w").write("1000\n")
open(d + "/ca/ca.cnf", "w").write("""[ca]
default_ca=x
[x]
database=%s/ca/index.txt
serial=%s/ca/serial
new_certs_dir=%s/ca
default_md=sha256
policy=p
x509_extensions=e
[p]
commonName=supplied
[e]
subjectAltName=DNS:sip.found.test
basicConstraints=critical,CA:FALSE
""" % (d, d, d))
subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt",
    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=sip.found.test",
    "-keyout", d + "/expired.key", "-out", d + "/expired.csr"],
    check=True, stderr=subprocess.DEVNULL)
subprocess.run(["openssl", "ca", "-batch", "-notext", "-config",
    d + "/ca/ca.cnf", "-cert", d + "/external-ca.crt", "-keyfile",
    d + "/external-ca.key", "-startdate", "20200101000000Z", "-enddate",
    "20200201000000Z", "-in", d + "/expired.csr", "-out",
    d + "/expired.crt"], check=True, stderr=subprocess.DEVNULL)
END

# say CERT FROM [OPTION...]: what the edge answers, in $LAB/said.json
say() {
	_cert=$1
	_from=$2
	shift 2
	in_out tests/net/fed.py send --cert "$LAB/tls/$_cert.crt" \
		--key "$LAB/tls/$_cert.key" --ca "$LAB/tls/external-ca.crt" \
		--bind 203.0.113.78 --from "sip:$_from" "$@" >"$LAB/said.json"
}
# expect CODE WHAT
expect() {
	grep -q "\"codes\": {\"$1\": 1}," "$LAB/said.json" ||
		fail "$2: $(cat "$LAB/said.json")"
	[ "$1" = 200 ] || ! grep -q 'nms-\|nWarning\|nReason' "$LAB/said.json" ||
		fail "$2: the partner learns why: $(cat "$LAB/said.json")"
}
# shows DOMAIN KIND|STEP: the last decision in
shows() {
	lab_ctl partners show "$1" --json >"$LAB/show.json" || fail "show $1"
	python3 - "$LAB/show.json" "$2" <<'END' ||
import json, sys
way = json.load(open(sys.argv[1]))["in"]
last = way["kind"] if way["passed"] else way["steps"][-1]["step"]
sys.exit(last != sys.argv[2])
END
		fail "$1 is not $2: $(cat "$LAB/show.json")"
}

echo "# the four kinds"
say edge.direct.test dan@direct.test
expect 200 "direct partner"
shows direct.test direct
lab_ctl partners show direct.test >"$LAB/show.txt" || fail "show as text"
grep -q 'edge.direct.test' "$LAB/show.txt" ||
	fail "show as text: $(cat "$LAB/show.txt")"
grep -q 'DirectPartner;.*source-verified-user=verified;ms-source-network=federation' \
	"$LAB/inside.log" || fail "mark: $(cat "$LAB/inside.log")"
say sip.listed.test lena@listed.test
expect 200 "allowed partner"
shows listed.test allowed
say sip.found.test finn@found.test
expect 200 "discovered partner"
shows found.test discovered
grep -q 'AutoFederation;.*source-verified-user=unverified' \
	"$LAB/inside.log" || fail "mark of a discovered partner"
say edge.cloud.test carl@hosted.test
expect 200 "provider"
shows hosted.test provider

echo "# those who may not"
say sip.blocked.test x@blocked.test
expect 504 "blocked domain"
shows blocked.test blocked
say edge.sub.deep.test x@deep.test
expect 504 "SRV that leads elsewhere"
shows deep.test parent-domain
say sip.listed.test x@found.test
expect 504 "another domain's certificate"
shows found.test certificate-name
say '*.found.test' x@found.test
expect 504 "wildcard"
say sip.nowhere.test x@nowhere.test
expect 504 "no SRV"
shows nowhere.test srv
say sip.found.test x@direct.test
expect 504 "direct partner with another certificate"
shows direct.test direct
say sip.found.test alice@contoso.test
expect 504 "our own domain"
say sip.found.test finn@found.test \
	--extra 'P-Asserted-Identity: <sip:boss@contoso.test>'
expect 504 "our own domain, asserted"
say sip.found.test finn@found.test --to sip:x@third.test
expect 504 "no transit"
for _cert in sip.foreign expired; do
	say "$_cert" finn@found.test
	grep -q '"answered": 0[,}]' "$LAB/said.json" ||
		fail "certificate $_cert was good enough"
done
lab_ctl explain blocked.test >"$LAB/explain.txt" || fail "explain"
grep -q 'rule=blocked.*partners: {blocked.test: block}' "$LAB/explain.txt" ||
	fail "rule and configuration: $(cat "$LAB/explain.txt")"

echo "# lists are changed by hand"
lab_ctl partners block found.test >"$LAB/block.txt" || fail "block"
grep -q 'Generation .* is in force' "$LAB/block.txt" || fail "block: $(cat "$LAB/block.txt")"
say sip.found.test finn@found.test
expect 504 "now blocked"
lab_ctl partners forget found.test --listed >/dev/null || fail "forget"
say sip.found.test finn@found.test
expect 200 "no longer blocked"
lab_ctl partners block '*.found.test' >/dev/null || fail "block all below"
lab_ctl partners forget '*.found.test' --listed >"$LAB/forget.txt" ||
	fail "forget all below: $(cat "$LAB/forget.txt")"
! lab_ctl topology dump | grep -q '\*\.found' || fail "still on the list"
shows found.test discovered
lab_ctl partners allow found.test --verification always >/dev/null ||
	fail "allow"
say sip.found.test finn@found.test
expect 200 "allowed"
shows found.test allowed
lab_ctl partners forget found.test --listed >/dev/null || fail "forget"

echo "# limits"
say sip.found.test finn@found.test --count 40 --window 40
[ "$(lab_json "$LAB/said.json" codes)" = "{'200': 40}" ] ||
	fail "a burst: $(cat "$LAB/said.json")"
awk -v s="$(lab_json "$LAB/said.json" seconds)" 'BEGIN { exit !(s > 1.5) }' ||
	fail "too fast: $(cat "$LAB/said.json")"
say edge.direct.test dan@direct.test --count 200 --window 50
[ "$(lab_json "$LAB/said.json" codes)" = "{'200': 200}" ] ||
	fail "a direct partner is limited: $(cat "$LAB/said.json")"
say sip.found.test finn@found.test --count 16 --window 5 \
	--to 'sip:u%d@contoso.test' --wait 10
lab_json "$LAB/said.json" codes | grep -q "'504'" ||
	fail "more addresses than it may: $(cat "$LAB/said.json")"

# field FIELD: of the certificate of found.test
field() {
	lab_ctl partners list --json >"$LAB/list.json" || fail "list"
	python3 - "$LAB/list.json" "$1" <<'END'
import json, sys
for c in json.load(open(sys.argv[1]))["certificates"]:
    if "found.test" in c["domains"] and c["limited"]:
        print(c[sys.argv[2]])
END
}
[ "$(field mode)" = blocked ] || fail "mode: $(cat "$LAB/list.json")"
[ "$(field contacts)" = 12 ] || fail "contacts: $(field contacts)"

echo "# a restart forgives nothing"
_messages=$(field messages)
# It is written every other second.
is_written() {
	_kept=$(sqlite3 -readonly "$LAB/state/access-edge/partners.db" \
		"SELECT MAX(messages) FROM peer WHERE limited") &&
		[ "$_kept" = "$_messages" ]
}
lab_wait 10 "the list to be written" is_written
_pid=$(lab_pid access-edge)
kill -9 "$_pid"
is_another() {
	_now=$(lab_pid access-edge) && [ -n "$_now" ] && [ "$_now" != "$_pid" ]
}
lab_wait 15 "another access-edge" is_another
lab_wait 15 "access-edge to be back" lab_is_serving
lab_wait 5 "the list" sh -c "ip netns exec $EDGE edgectl -c $LAB/edge.yaml partners list | grep -q found.test"
[ "$(field contacts)" = 12 ] || fail "contacts after: $(field contacts)"
[ "$(field messages)" -le "$_messages" ] || fail "messages"
lab_wait 5 "the next hop" sh -c "ip netns exec $EDGE edgectl -c $LAB/edge.yaml status --json | grep -q next_hop_up"
say sip.found.test finn@found.test --to sip:another@contoso.test
expect 504 "an address more, after the restart"
say sip.found.test finn@found.test --to sip:u3@contoso.test
expect 200 "one it knows"
lab_ctl partners forget found.test >/dev/null || fail "forget"
say sip.found.test finn@found.test --to sip:another@contoso.test
expect 200 "forgotten"

echo "# a test tells each step"
lab_spawn listed in_out tests/net/fed.py answer 203.0.113.78:5061 \
	--cert "$LAB/tls/sip.listed.test.crt" \
	--key "$LAB/tls/sip.listed.test.key" --ca "$LAB/tls/external-ca.crt"
lab_wait 5 "the listed partner" in_out sh -c \
	"ss -Htln 'sport = :5061' | grep -q 203.0.113.78"
passes() { lab_ctl test federated-partner listed.test >"$LAB/test.txt"; }
lab_wait 20 "the listed partner to pass the test" passes
for _step in srv parent-domain connect tls answer; do
	grep -q "^$_step  *\(passed\|settled\)" "$LAB/test.txt" ||
		fail "test, $_step: $(cat "$LAB/test.txt")"
done
refused_test() {
	lab_ctl test federated-partner "$1" >"$LAB/test.txt" &&
		fail "$1 passed: $(cat "$LAB/test.txt")"
	grep -q "^$2  *refused" "$LAB/test.txt" ||
		fail "$1, $2: $(cat "$LAB/test.txt")"
}
refused_test blocked.test blocked
refused_test nowhere.test srv
refused_test deep.test parent-domain
refused_test found.test address
lab_ctl explain deep.test >"$LAB/explain.txt" || fail "explain"
grep -q 'step=parent-domain finding=.*is directly below deep.test' \
	"$LAB/explain.txt" || fail "explain: $(cat "$LAB/explain.txt")"
lab_ok "partners of every kind, refusals, limits, restart"
