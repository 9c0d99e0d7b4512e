#!/bin/sh
# The main job with real peers: baresip outside registers through the edge
# at Kamailio inside and calls baresip inside, both ways, hang-up from each
# side. Both get relay credentials by SIP SERVICE; each uses the relay on its
# own side; a tone of another pitch each way proves the audio.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kamailio.sh"
. "$(dirname "$0")/baresip.sh"

lab_setup
lab_up
kamailio_up
lab_dns

# Outside: the way of the source documents, SERVICE through the edge.
in_out tests/net/sip.py credentials alice --ca "$LAB/tls/external-ca.crt" \
	>"$LAB/alice.json" || fail "credentials for alice"
[ "$(lab_json "$LAB/alice.json" relays.0.host)" = av.contoso.test ] ||
	fail "an outside client must be sent to the outside name"
in_in tests/net/sip.py credentials bob --server 10.0.0.20:5061 \
	--name fe.int.contoso.test --ca "$LAB/tls/internal-ca.crt" \
	--location intranet >"$LAB/bob.json" || fail "credentials for bob"
[ "$(lab_json "$LAB/bob.json" relays.0.host)" = edge.int.contoso.test ] ||
	fail "an inside client must be sent to the inside name"

# turn_account USER RELAY: more parameters for baresip_account
turn_account() {
	printf ';mediaenc=srtp-mand;medianat=turn;stunserver="turn:%s:3478";stunuser="%s";stunpass="%s"' \
		"$2" "$(lab_json "$LAB/$1.json" username)" \
		"$(lab_json "$LAB/$1.json" password)"
}

baresip_config "$LAB/alice" "$LAB/tls/external-ca.crt" 440 198.51.100.77 5551
baresip_account "$LAB/alice" alice "sip:sip.contoso.test:443;transport=tls" \
	"$(turn_account alice 198.51.100.30)"
baresip_config "$LAB/bob" "$LAB/tls/internal-ca.crt" 880 10.0.0.77 5552
baresip_account "$LAB/bob" bob "sip:fe.int.contoso.test:5061;transport=tls" \
	"$(turn_account bob 10.0.0.10)"
lab_spawn alice in_out baresip -4 -f "$LAB/alice" -v
lab_spawn bob in_in baresip -4 -f "$LAB/bob" -v
lab_wait 15 "alice to register" grep -q '200 OK' "$LAB/alice.log"
lab_wait 15 "bob to register" grep -q '200 OK' "$LAB/bob.log"

# The inside must see no packet from outside but through the relay.
in_in timeout 280 tcpdump -nni eth0 -w "$LAB/inside.pcap" udp \
	>/dev/null 2>&1 &
LAB_PIDS="$LAB_PIDS $!"

# call CALLER-NS CALLER-PORT CALLEE HANGUP-NS HANGUP-PORT
established() {
	[ "$(grep -c 'Call established' "$LAB/alice.log")" -ge "$1" ] &&
		[ "$(grep -c 'Call established' "$LAB/bob.log")" -ge "$1" ]
}
terminated() {
	[ "$(grep -c 'terminated (duration' "$LAB/alice.log")" -ge "$1" ] &&
		[ "$(grep -c 'terminated (duration' "$LAB/bob.log")" -ge "$1" ]
}
COUNT=0
call() {
	COUNT=$((COUNT + 1))
	rm -f "$LAB"/alice/rec/* "$LAB"/bob/rec/*
	baresip_ask "$1" "$2" dial "sip:$3@contoso.test" >/dev/null
	lab_wait 15 "call $COUNT to be established" established "$COUNT"
	sleep 4
	lab_wait 20 "both to hear something" baresip_hears 2 alice bob
	lab_ctl allocations --json >"$LAB/allocations-$COUNT.json"
	baresip_ask "$4" "$5" hangup >/dev/null
	lab_wait 10 "call $COUNT to end on both sides" terminated "$COUNT"
	sleep 1
	for _who in alice:880 bob:440; do
		_wav=$(ls "$LAB/${_who%%:*}"/rec/*-dec.wav)
		set -- $(tone_of "$_wav")
		echo "call $COUNT: ${_who%%:*} hears $1 Hz for $2 s"
		[ "$1" = "${_who##*:}" ] ||
			fail "call $COUNT: ${_who%%:*} hears $1 Hz, not ${_who##*:}"
	done
}
call in_out 5551 bob in_out 5551   # outside calls, outside hangs up
call in_out 5551 bob in_in 5552    # outside calls, inside hangs up
call in_in 5552 alice in_in 5552   # inside calls, inside hangs up
call in_in 5552 alice in_out 5551  # inside calls, outside hangs up

# Relayed, each side on its own leg: every media packet that the inside saw
# went between the client and the edge's inside address.
sleep 1
python3 - "$LAB/allocations-1.json" <<'EOF'
import json, sys
text = open(sys.argv[1]).read()
data = json.loads(text)
rows = data["allocations"]
sides = {r["client"].rsplit(":", 1)[0] for r in rows}
assert any(s.startswith("198.51.100.77") for s in sides), sides
assert any(s.startswith("10.0.0.77") for s in sides), sides
relays = {r["relayed"].rsplit(":", 1)[0] for r in rows}
assert relays == {"198.51.100.30"}, relays
EOF
tcpdump -nnr "$LAB/inside.pcap" 'udp and not port 53' 2>/dev/null |
	grep -v '10\.0\.0\.10\.3478' >"$LAB/strays" || true
[ ! -s "$LAB/strays" ] || fail "media beside the relay: $(head -3 "$LAB/strays")"
lab_ok "four calls, both ways, audio proven, all media relayed"
