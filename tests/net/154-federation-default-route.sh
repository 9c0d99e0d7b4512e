#!/bin/sh
# Everything through one server (use_default_routing): Kamailio, the clearing
# house, carries a domain of which DNS knows nothing. Calls both ways; who has
# a good certificate and record of its own does not get in beside it, and a
# blocked domain does not get in through it. Our own records are wrong, one
# way for each domain, and the doctor tells.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/partners.sh"
. "$(dirname "$0")/kamailio.sh"
. "$(dirname "$0")/baresip.sh"

SETTINGS_ACCESS='use_default_routing: true, default_route_fqdn: hub.clearing.test, enable_partner_discovery: true'
TOPOLOGY_MORE='partners: {listed.test: allow, blocked.test: block}'
partners_setup
sed -i 's/^domains: .*/domains: [contoso.test, two.test, three.test, four.test]/' \
	"$LAB/topology.yaml"
sed -i 's/^\(srv-host=.*contoso.test\),sip.contoso.test,/\1,edge.elsewhere.test,/' \
	"$LAB/dns"
cat >>"$LAB/dns" <<'END'
srv-host=_sipfederationtls._tcp.two.test,sip.two.test,5062
srv-host=_sipfederationtls._tcp.three.test,sip.three.test,5061
srv-host=_sipfederationtls._tcp.listed.test,sip.listed.test,5061
address=/sip.listed.test/203.0.113.78
address=/hub.clearing.test/203.0.113.77
END
echo "203.0.113.77 hub.clearing.test" >>"$LAB/hosts"
lab_dns
partners_dns
lab_up
kamailio_up
partners_kamailio example.test hub.clearing.test
kamailio_up

baresip_config "$LAB/alice" "$LAB/tls/internal-ca.crt" 440 10.0.0.77 5551
baresip_account "$LAB/alice" alice "sip:fe.int.contoso.test:5061;transport=tls"
BARESIP_DOMAIN=example.test
baresip_config "$LAB/bob" "$LAB/tls/external-ca.crt" 880 203.0.113.78 5552
baresip_account "$LAB/bob" bob "sip:hub.clearing.test:5061;transport=tls"
lab_spawn alice in_in baresip -4 -f "$LAB/alice" -v
lab_spawn bob in_out baresip -4 -f "$LAB/bob" -v
lab_wait 15 "alice to register" grep -q '200 OK' "$LAB/alice.log"
lab_wait 15 "bob to register" grep -q '200 OK' "$LAB/bob.log"
partners_call in_in 5551 bob@example.test in_out 5552
partners_call in_out 5552 alice@contoso.test in_in 5551

# decided DOMAIN WAY STEP: the step that settled or refused it
decided() {
	lab_ctl partners show "$1" --json >"$LAB/show.json" || fail "show $1"
	python3 - "$LAB/show.json" "$2" "$3" <<'END' ||
import json, sys
d = json.load(open(sys.argv[1]))[sys.argv[2]]
assert sys.argv[3] in [s["step"] for s in d["steps"]
                       if s["result"] in ("settled", "refused")], d
END
		fail "$1, $2: $(cat "$LAB/show.json")"
}
decided example.test in default-route
decided example.test out default-route
[ "$(lab_json "$LAB/show.json" in.kind)" = default-route ] ||
	fail "kind: $(cat "$LAB/show.json")"

# say CERT FROM: must be refused, and not told why
say() {
	in_out tests/net/fed.py send --cert "$LAB/tls/$1.crt" \
		--key "$LAB/tls/$1.key" --ca "$LAB/tls/external-ca.crt" \
		--bind 203.0.113.78 --from "sip:$2" >"$LAB/said.json"
	[ "$(lab_json "$LAB/said.json" codes)" = "{'504': 1}" ] ||
		fail "$2: $(cat "$LAB/said.json")"
}
lab_cert sip.listed.test external-ca sip.listed.test
say sip.listed.test lena@listed.test
decided listed.test in default-route
say hub.clearing.test x@blocked.test
decided blocked.test in blocked

lab_ctl doctor >"$LAB/doctor.txt" || true # of what this lab leaves out
# told TEXT
told() {
	grep -q "warn *federation record: .*$1" "$LAB/doctor.txt" ||
		fail "doctor, $1: $(cat "$LAB/doctor.txt")"
}
told 'contoso.test leads to edge.elsewhere.test'
told 'two.test: port 5062, we listen on 5061'
told 'three.test leads to sip.three.test, which our certificate'
told 'four.test'
lab_ok "two calls through the clearing house, and nothing beside it"
