#!/bin/sh
# baresip with ICE, one outside and one inside, each with a relay on its own
# side and credentials that edgectl issued: a tone of another pitch each way
# proves the sound at the far end, the relay's own count that it went through
# it. Alice has a public address, carol is behind a NAT.
#
# Every client names its host addresses to the other one, who asks the relay
# for them. libre gives up its relay when one is refused: `denied_peers: drop`
# is for clients of its kind.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kamailio.sh"
. "$(dirname "$0")/baresip.sh"
. "$(dirname "$0")/nice.sh"

# The outside network stands for the Internet, although its range is special.
SETTINGS_AV='denied_peers: drop, allow_peers: [198.51.100.0/24]'
DESK=$LAB_ID-desk
LAB_MORE_NS=$DESK
LAB_DNS_NS=$DESK
in_desk() { ip netns exec "$DESK" "$@"; }

# A host of its own for the client inside. libre tries every pair of addresses
# one after the other: whoever has one is sooner done.
desk() {
	ip netns add "$DESK"
	ip -n "$DESK" link set lo up
	mkdir -p "/etc/netns/$DESK"
	cp "$LAB/hosts" "/etc/netns/$DESK/hosts"
	: >"/etc/netns/$DESK/resolv.conf"
	ip link add desk0 netns "$IN" type veth peer name eth0 netns "$DESK"
	ip -n "$DESK" addr add 10.0.0.77/24 dev eth0
	ip -n "$DESK" link set eth0 up
	ip -n "$IN" link add br0 type bridge
	ip -n "$IN" addr flush dev eth0
	ip -n "$IN" addr add 10.0.0.20/24 dev br0
	ip -n "$IN" link set eth0 master br0
	ip -n "$IN" link set desk0 master br0 up
	ip -n "$IN" link set br0 up
}

# party NAME NS-COMMAND ADDRESS PROXY CA RELAY TONE-HZ PORT
party() {
	nice_cred "$LAB/$1.json" "sip:$1@contoso.test"
	baresip_config "$LAB/$1" "$LAB/tls/$5.crt" "$7" "$3" "$8"
	baresip_account "$LAB/$1" "$1" "sip:$4;transport=tls" "$(printf \
		';mediaenc=srtp-mand;medianat=ice;stunserver="turn:%s:3478";stunuser="%s";stunpass="%s"' \
		"$6" "$(lab_json "$LAB/$1.json" username)" \
		"$(lab_json "$LAB/$1.json" password)")"
	lab_spawn "$1" "$2" baresip -4 -f "$LAB/$1" -v
	lab_wait 15 "$1 to register" grep -q '200 OK' "$LAB/$1.log"
}

# A second and a half of sound is written.
hears() {
	_wav=$(ls "$LAB/$1"/rec/*-dec.wav 2>/dev/null) || return 1
	[ "$(stat -c %s "$_wav")" -gt 24000 ]
}
# both_hear WHO: within 18 s.
both_hear() {
	_left=180
	until hears "$1" && hears bob; do
		_left=$((_left - 1))
		[ "$_left" -gt 0 ] || return 1
		sleep 0.1
	done
}
none() { [ "$(lab_ctl allocations --json | grep -c '"id"')" -eq 0 ]; }

# Sound each way through the relay of who is inside.
relayed() {
	lab_ctl allocations --json >"$LAB/allocations.json"
	python3 - "$LAB/allocations.json" <<'END' || fail "$1: not relayed"
import json, sys
rows = json.load(open(sys.argv[1]))["allocations"]
best = max((r for r in rows if r["client"].startswith("10.0.0.77:")),
           key=lambda r: r["up_packets"])
print("  relay of the client inside: %(up_packets)d packets up, "
      "%(down_packets)d down" % best)
assert best["up_packets"] > 50 and best["down_packets"] > 50, rows
END
}

# call WHO NS-COMMAND ADDRESS PORT: calls bob.
call() {
	party "$1" "$2" "$3" sip.contoso.test:443 external-ca 198.51.100.30 440 "$4"
	rm -f "$LAB"/bob/rec/*
	_began=$(date +%s)
	baresip_ask "$2" "$4" dial sip:bob@contoso.test >/dev/null
	# When the Re-INVITE of one end meets checks of the other, this libre
	# may stop there for good: people dial again then.
	if ! both_hear "$1"; then
		baresip_ask "$2" "$4" hangup >/dev/null
		lab_wait 10 "the allocations to end with the call of $1" none
		rm -f "$LAB/$1"/rec/* "$LAB"/bob/rec/*
		baresip_ask "$2" "$4" dial sip:bob@contoso.test >/dev/null
		both_hear "$1" || fail "$1 and bob do not hear each other"
	fi
	echo "$1: both heard the other after $(($(date +%s) - _began)) s"
	relayed "$1"
	baresip_ask "$2" "$4" hangup >/dev/null
	lab_wait 10 "the allocations to end with the call of $1" none
	for _who in "$1:880" bob:440; do
		set -- "$1" $(tone_of "$LAB/${_who%%:*}"/rec/*-dec.wav)
		echo "  ${_who%%:*} hears $2 Hz for $3 s"
		[ "$2" = "${_who##*:}" ] || fail "$1: ${_who%%:*} hears $2 Hz"
	done
}

# Who has a public address has that one only.
at_home() {
	ip -n "$OUT" addr "$1" 198.51.100.78/24 dev eth0
	ip -n "$OUT" addr "$1" 192.168.77.1/24 dev home0
}

lab_setup
lab_home
# As most NATs do it: one port outside for a port at home. Where every flow
# gets another one, this libre at times stops in the middle of its checks.
in_out nft flush chain ip home post
in_out nft add rule ip home post ip saddr 192.168.77.0/24 snat to 198.51.100.78
desk
ip -n "$OUT" addr del 198.51.100.79/24 dev eth0
lab_up
kamailio_up
lab_dns
party bob in_desk 10.0.0.77 fe.int.contoso.test:5061 internal-ca 10.0.0.10 880 5552
at_home del
call alice in_out 198.51.100.77 5551
at_home add
call carol in_home 192.168.77.2 5553
lab_ok "baresip with ICE, sound both ways through the relay"
