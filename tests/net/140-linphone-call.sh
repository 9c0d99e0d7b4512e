#!/bin/sh
# linphone outside, which verifies chains and names, and baresip inside, with
# Kamailio between: calls both ways, hang-up from each side, hold and resume
# (re-INVITE), and the edge restarted under both. All media are relayed.
SETTINGS_AV='allow_peers: [198.51.100.0/24]'
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kamailio.sh"
. "$(dirname "$0")/baresip.sh"
. "$(dirname "$0")/linphone.sh"
. "$(dirname "$0")/party.sh"

lab_setup
lab_up
lab_dns
kamailio_up
in_out tests/net/sip.py credentials carol --ca "$LAB/tls/external-ca.crt" \
	>"$LAB/carol.json" || fail "credentials for carol"
in_in tests/net/sip.py credentials bob --server 10.0.0.20:5061 \
	--name fe.int.contoso.test --ca "$LAB/tls/internal-ca.crt" \
	--location intranet >"$LAB/bob.json" || fail "credentials for bob"

linphone_config "$LAB/carol" carol "$LAB/tls/external-ca.crt" \
	"sip:sip.contoso.test:443;transport=tls" 440 198.51.100.30 \
	"$LAB/carol.json"
linphone_up in_out "$LAB/carol" carol
baresip_config "$LAB/bob" "$LAB/tls/internal-ca.crt" 880 10.0.0.77 5552
baresip_account "$LAB/bob" bob "sip:fe.int.contoso.test:5061;transport=tls" \
	"$(printf ';mediaenc=srtp-mand;medianat=ice;stunserver="turn:10.0.0.10:3478";stunuser="%s";stunpass="%s"' \
		"$(lab_json "$LAB/bob.json" username)" \
		"$(lab_json "$LAB/bob.json" password)")"
lab_spawn bob in_in baresip -4 -f "$LAB/bob" -v
PARTY_carol='linphone 440'
PARTY_bob='baresip in_in 5552 880'
lab_wait 15 "carol to register" linphone_registered carol 1
lab_wait 15 "bob to register" grep -q '200 OK' "$LAB/bob.log"

# Hold and resume: two offers inside the dialog.
held() {
	linphone_say "$LAB/carol" pause
	lab_wait 10 "the call to be held" \
		grep -q 'to LinphoneCallPaused' "$LAB/carol/trace"
	linphone_say "$LAB/carol" resume
	lab_wait 10 "the call to go on" grep -q \
		'from state LinphoneCallResuming to LinphoneCallStreamsRunning' \
		"$LAB/carol/trace"
	sleep 3
}
# The edge restarts: the client comes back and is reached over its new flow.
restart() {
	kill -9 "$(lab_pid access-edge)"
	lab_wait 10 "access-edge to be back" lab_is_serving
	lab_wait 20 "carol to register again" linphone_registered carol $(($1 + 1))
}
# Another address: the client sees its network change and registers anew.
roam() {
	in_out sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1
	ip -n "$OUT" addr del 198.51.100.77/24 dev eth0
	ip -n "$OUT" route replace default dev eth0
	lab_wait 30 "carol to register from 198.51.100.78" sh -c \
		'edgectl -c "$1" connections --json | grep -q 198.51.100.78' \
		sh "$LAB/edge.yaml"
	lab_wait 20 "carol to be registered" linphone_registered carol $(($1 + 1))
}
registrations() {
	grep -c 'to \[LinphoneRegistrationOk\]' "$LAB/carol/trace"
}

call carol bob bob
call bob carol carol
call carol bob carol held
# linphone plays its file no more after a hold, but it goes on sending.
set -- $(grep '^packets:' "$LAB/bob.log" | tail -n 1)
[ "$2" -ge 300 ] && [ "$3" -ge 300 ] ||
	fail "the call that was held: $2 packets sent, $3 received"
restart "$(registrations)"
call bob carol bob
roam "$(registrations)"
call bob carol carol
lab_ok "five calls: both ways, held, after a restart, from another address"
