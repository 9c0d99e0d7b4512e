#!/bin/sh
# Two organisations, each with its edge and its Kamailio, federate by DNS and
# certificates alone. alice, outside of contoso.test, and bob, inside of
# fabrikam.test, call each other with real clients; each uses the relay of
# its own edge, and a tone of another pitch each way proves the sound.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/partners.sh"
. "$(dirname "$0")/kamailio.sh"
. "$(dirname "$0")/baresip.sh"

SETTINGS_ACCESS='enable_partner_discovery: true'
TOPOLOGY2_MORE='partners: {contoso.test: allow}'
partners_setup
lab_dns
partners_dns
lab_up
partners_up
kamailio_up
kamailio_second
kamailio_up

in_out tests/net/sip.py credentials alice --ca "$LAB/tls/external-ca.crt" \
	>"$LAB/alice.json" || fail "credentials for alice"
in_in2 tests/net/sip.py credentials bob --server 10.1.0.20:5061 \
	--name fe.int.fabrikam.test --ca "$LAB/tls/internal-ca2.crt" \
	--domain fabrikam.test --location intranet >"$LAB/bob.json" ||
	fail "credentials for bob"

# turn_account USER RELAY
turn_account() {
	printf ';mediaenc=srtp-mand;medianat=turn;stunserver="turn:%s:3478";stunuser="%s";stunpass="%s"' \
		"$2" "$(lab_json "$LAB/$1.json" username)" \
		"$(lab_json "$LAB/$1.json" password)"
}
baresip_config "$LAB/alice" "$LAB/tls/external-ca.crt" 440 198.51.100.77 5551
baresip_account "$LAB/alice" alice "sip:sip.contoso.test:443;transport=tls" \
	"$(turn_account alice 198.51.100.30)"
BARESIP_DOMAIN=fabrikam.test
baresip_config "$LAB/bob" "$LAB/tls/internal-ca2.crt" 880 10.1.0.77 5552
baresip_account "$LAB/bob" bob "sip:fe.int.fabrikam.test:5061;transport=tls" \
	"$(turn_account bob 10.1.0.10)"
lab_spawn alice in_out baresip -4 -f "$LAB/alice" -v
lab_spawn bob in_in2 baresip -4 -f "$LAB/bob" -v
lab_wait 15 "alice to register" grep -q '200 OK' "$LAB/alice.log"
lab_wait 15 "bob to register" grep -q '200 OK' "$LAB/bob.log"

established() {
	[ "$(grep -c 'Call established' "$LAB/alice.log")" -ge "$1" ] &&
		[ "$(grep -c 'Call established' "$LAB/bob.log")" -ge "$1" ]
}
terminated() {
	[ "$(grep -c 'terminated (duration' "$LAB/alice.log")" -ge "$1" ] &&
		[ "$(grep -c 'terminated (duration' "$LAB/bob.log")" -ge "$1" ]
}
COUNT=0
# call CALLER-NS PORT CALLEE HANGUP-NS PORT
call() {
	COUNT=$((COUNT + 1))
	rm -f "$LAB"/alice/rec/* "$LAB"/bob/rec/*
	baresip_ask "$1" "$2" dial "sip:$3" >/dev/null
	lab_wait 15 "call $COUNT to be established" established "$COUNT"
	sleep 3
	lab_wait 20 "both to hear something" baresip_hears 2 alice bob
	lab_ctl allocations --json >"$LAB/allocations-a.json"
	partners_ctl allocations --json >"$LAB/allocations-b.json"
	baresip_ask "$4" "$5" hangup >/dev/null
	lab_wait 10 "call $COUNT to end on both sides" terminated "$COUNT"
	sleep 0.5
	for _who in alice:880 bob:440; do
		_wav=$(ls "$LAB/${_who%%:*}"/rec/*-dec.wav)
		set -- $(tone_of "$_wav")
		echo "call $COUNT: ${_who%%:*} hears $1 Hz for $2 s"
		[ "$1" = "${_who##*:}" ] ||
			fail "call $COUNT: ${_who%%:*} hears $1 Hz, not ${_who##*:}"
	done
	# Both relays carried it, each for its own side.
	for _side in a b; do
		python3 - "$LAB/allocations-$_side.json" <<'END' ||
import json, sys
rows = json.load(open(sys.argv[1]))["allocations"]
assert any(r["up_packets"] > 20 and r["down_packets"] > 20
           for r in rows), rows
END
			fail "relay $_side: $(cat "$LAB/allocations-$_side.json")"
	done
}
call in_out 5551 bob@fabrikam.test in_in2 5552
call in_in2 5552 alice@contoso.test in_out 5551

echo "# what each edge thought of the other"
lab_ctl partners show fabrikam.test --json >"$LAB/show-a.json" || fail "show"
[ "$(lab_json "$LAB/show-a.json" in.kind)" = discovered ] ||
	fail "fabrikam.test: $(cat "$LAB/show-a.json")"
[ "$(lab_json "$LAB/show-a.json" out.passed)" = true ] || fail "out"
partners_ctl partners show contoso.test --json >"$LAB/show-b.json" ||
	fail "show"
[ "$(lab_json "$LAB/show-b.json" in.kind)" = allowed ] ||
	fail "contoso.test: $(cat "$LAB/show-b.json")"
lab_ctl test federated-partner fabrikam.test >"$LAB/test.txt" ||
	fail "test: $(cat "$LAB/test.txt")"
grep -q '^Result  *success' "$LAB/test.txt" || fail "$(cat "$LAB/test.txt")"
lab_ok "calls both ways across two edges, media through both relays"
