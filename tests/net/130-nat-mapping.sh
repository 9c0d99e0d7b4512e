#!/bin/sh
# The relay stands behind a one-to-one NAT outside: what it advertises is the
# public address, what it binds the own one, and a call between an outside and
# an inside client takes the short cut inside the process although neither
# address of the other exists on this host.
AV_ADDRESS='{address: 198.51.100.30, nat: 203.0.113.30}'
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kamailio.sh"

lab_setup
ALICE=$(lab_secret secret-alice)
BOB=$(lab_secret secret-bob)
lab_up
lab_dns
kamailio_up
lab_ctl test call --from sip:alice@contoso.test --password-file "$ALICE" \
	--to sip:bob@contoso.test --inside-password-file "$BOB" \
	--outside-relay 198.51.100.30:3478 --seconds 3 --json \
	>"$LAB/call.json" 2>"$LAB/call.log" ||
	fail "call: $(cat "$LAB/call.json" "$LAB/call.log")"
for side in outside inside; do
	relay=$(lab_json "$LAB/call.json" call.relay.$side)
	case $relay in
	203.0.113.30:5*) echo "$side relay: $relay" ;;
	*) fail "$side relay is $relay, not the public address" ;;
	esac
done
[ "$(lab_json "$LAB/call.json" call.media.lost)" = 0 ] ||
	fail "lost: $(cat "$LAB/call.json")"

# A peer outside that knows only the public address reaches the relay port
# through the NAT, and sees the public address as the source.
lab_ctl credentials issue --user sip:alice@contoso.test --json >"$LAB/cred.json"
in_edge nft -f - <<'EOF'
table ip nat {
	chain pre {
		type nat hook prerouting priority dstnat;
		iifname "ext0" ip daddr 203.0.113.30 dnat to 198.51.100.30
	}
	chain post {
		type nat hook postrouting priority srcnat;
		oifname "ext0" ip saddr 198.51.100.30 udp sport 50000-59999 snat to 203.0.113.30
	}
}
EOF
ip -n "$OUT" route add 203.0.113.30/32 via 198.51.100.10
in_out timeout 40 turnutils_uclient -c -y -n 20 -m 2 -l 172 \
	-u "$(lab_json "$LAB/cred.json" username)" \
	-w "$(lab_json "$LAB/cred.json" password)" 198.51.100.30 \
	>"$LAB/uclient.txt" 2>&1 || fail "$(tail -5 "$LAB/uclient.txt")"
grep -q 'Total lost packets 0 ' "$LAB/uclient.txt" ||
	fail "$(tail -5 "$LAB/uclient.txt")"
lab_ok "public address advertised, own address bound"
