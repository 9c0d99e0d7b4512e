#!/bin/sh
# Revocation lists with the daemon as it runs, sandbox and all: the authority's
# list is asked for over HTTP from the external address. Who is on it is
# refused; a part of the list that is about others is not believed; who
# requires lists lets nobody in without one.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/partners.sh"

SETTINGS_ACCESS='enable_partner_discovery: true'
partners_setup
cat >>"$LAB/dns" <<'END'
srv-host=_sipfederationtls._tcp.good.test,sip.good.test,5061
srv-host=_sipfederationtls._tcp.bad.test,sip.bad.test,5061
srv-host=_sipfederationtls._tcp.part.test,sip.part.test,5061
srv-host=_sipfederationtls._tcp.lost.test,sip.lost.test,5061
END
partners_dns
lab_spawn inside in_in tests/net/fed.py answer 10.0.0.20:5061 \
	--cert "$LAB/tls/fe.crt" --key "$LAB/tls/fe.key" \
	--ca "$LAB/tls/internal-ca.crt"
lab_listens in_in 5061
lab_up

# listed NAME FILE: a certificate of the public authority whose list is FILE
listed() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 30 -subj "/CN=$1" -addext "subjectAltName=DNS:$1" \
		-addext "basicConstraints=critical,CA:FALSE" \
		-addext "crlDistributionPoints=URI:http://203.0.113.78/$2" \
		-CA "$LAB/tls/external-ca.crt" \
		-CAkey "$LAB/tls/external-ca.key" \
		-keyout "$LAB/tls/$1.key" -out "$LAB/tls/$1.crt" 2>/dev/null ||
		fail "certificate $1"
}
listed sip.good.test all.crl
listed sip.bad.test all.crl
listed sip.part.test part.crl
listed sip.lost.test lost.crl

# list FILE [EXTENSION]: with those that were taken back
mkdir -p "$LAB/lists" "$LAB/ca"
: >"$LAB/ca/index.txt"
list() {
	printf '[ca]\ndefault_ca=x\n[x]\ndatabase=%s\ndefault_md=sha256\n' \
		"$LAB/ca/index.txt" >"$LAB/ca/ca.cnf"
	[ -z "${2:-}" ] || printf 'crl_extensions=e\n[e]\n%s\n' \
		"issuingDistributionPoint=critical,$2" >>"$LAB/ca/ca.cnf"
	set -- "$1" -config "$LAB/ca/ca.cnf" \
		-cert "$LAB/tls/external-ca.crt" \
		-keyfile "$LAB/tls/external-ca.key"
	_file=$1
	shift
	openssl ca "$@" -gencrl -crldays 7 -out "$LAB/ca/list.pem" \
		2>"$LAB/ca.log" || fail "list: $(cat "$LAB/ca.log")"
	openssl crl -in "$LAB/ca/list.pem" -outform DER \
		-out "$LAB/lists/$_file"
}
printf '[ca]\ndefault_ca=x\n[x]\ndatabase=%s\n' "$LAB/ca/index.txt" \
	>"$LAB/ca/ca.cnf"
openssl ca -config "$LAB/ca/ca.cnf" -cert "$LAB/tls/external-ca.crt" \
	-keyfile "$LAB/tls/external-ca.key" -md sha256 \
	-revoke "$LAB/tls/sip.bad.test.crt" 2>"$LAB/ca.log" ||
	fail "revoke: $(cat "$LAB/ca.log")"
list all.crl
list part.crl 'fullname:URI:http://203.0.113.78/of-others.crl'
lab_spawn lists in_out python3 -m http.server 80 --bind 203.0.113.78 \
	--directory "$LAB/lists"
lab_wait 5 "the lists" in_out sh -c \
	"ss -Htln 'sport = :80' | grep -q 203.0.113.78"

# say DOMAIN: what the edge answers, in $LAB/said.json
say() {
	in_out tests/net/fed.py send --cert "$LAB/tls/sip.$1.crt" \
		--key "$LAB/tls/sip.$1.key" --ca "$LAB/tls/external-ca.crt" \
		--bind 203.0.113.78 --from "sip:x@$1" >"$LAB/said.json"
}
answers() { [ "$(lab_json "$LAB/said.json" codes)" = "$1" ]; }
has_lists() {
	curl -s --unix-socket "$LAB/run/access-edge.sock" \
		http://bus/metrics | grep -qx "sallyport_access_edge_crls $1"
}
logged() { grep -q "$1" "$LAB/up.log"; }

say good.test
answers "{'200': 1}" || fail "before its list: $(cat "$LAB/said.json")"
lab_wait 10 "the list" has_lists 1
say good.test
answers "{'200': 1}" || fail "with its list: $(cat "$LAB/said.json")"
say bad.test
answers "{}" || fail "a revoked certificate: $(cat "$LAB/said.json")"
logged 'certificate.revoked.*sip.bad.test' || fail "no event"
say part.test
answers "{'200': 1}" || fail "a list of others: $(cat "$LAB/said.json")"
lab_wait 10 "the part to be refused" logged \
	'crl.failed.*part.crl.*is a part of'

echo "# lists are required"
sed -i 's/enable_partner_discovery: true/&, require_crls_for_peers: true/' \
	"$LAB/topology.yaml"
lab_ctl topology apply "$LAB/topology.yaml" >"$LAB/apply.txt" 2>&1 ||
	fail "apply: $(cat "$LAB/apply.txt")"
say good.test
answers "{'200': 1}" || fail "its list is here: $(cat "$LAB/said.json")"
for _who in part lost; do
	say $_who.test
	answers "{}" || fail "$_who: $(cat "$LAB/said.json")"
	lab_wait 5 "$_who to be told" logged \
		"certificate.unchecked.*sip.$_who.test"
done
lab_ok "who is on the list, who is on another, who is on none"
