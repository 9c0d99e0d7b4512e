# A call between two libnice clients, one outside and one inside, relayed
# from end to end: sourced after lib.sh, with the suite up.

NICE_RELAY=198.51.100.30   # what peers see
NICE_OUTSIDE=198.51.100.77 # the client's own address
NICE_PACKETS=200           # each way, 20 ms apart

# nice_cred FILE USER: a fresh credential.
nice_cred() {
	lab_ctl credentials issue --user "$2" --json >"$1" ||
		fail "credentials issue"
}

# nice_end NAME NS RELAY LOCAL THEIRS OPTION...: one end, in the background;
# what it says in $LAB/NAME.log, its pid in $SPAWNED.
nice_end() {
	_end=$1
	_ns=$2
	_relay=$3
	_local=$4
	_theirs=$5
	shift 5
	lab_spawn "$_end" "$_ns" nice_call --relay="$_relay" --local="$_local" \
		--mine="$LAB/$_end.sdp" --theirs="$LAB/$_theirs.sdp" \
		--user="$(lab_json "$LAB/$_end.json" username)" \
		--password="$(lab_json "$LAB/$_end.json" password)" \
		--packets="$NICE_PACKETS" "$@"
}

# nice_pair MODE TRANSPORT LEAST [PORT-OUTSIDE PORT-INSIDE]: of the packets
# each way at least LEAST must arrive, and nothing else.
nice_pair() {
	_mode=$1
	_via=$2
	_least=$3
	rm -f "$LAB"/nice-*.sdp "$LAB"/nice-*.sdp.*
	nice_cred "$LAB/nice-out.json" sip:alice@contoso.test
	nice_cred "$LAB/nice-in.json" sip:bob@contoso.test
	nice_end nice-out in_out "198.51.100.30:${4:-3478}" "$NICE_OUTSIDE" \
		nice-in --mode="$_mode" --transport="$_via" --controlling \
		--least="$_least"
	_out=$SPAWNED
	nice_end nice-in in_in "10.0.0.10:${5:-3478}" 10.0.0.77 nice-out \
		--mode="$_mode" --transport="$_via" --least="$_least"
	_in=$SPAWNED
	_failed=0
	wait "$_out" || _failed=1
	wait "$_in" || _failed=1
	echo "$_mode over $_via, outside: $(tail -n 1 "$LAB/nice-out.log")"
	echo "$_mode over $_via, inside: $(tail -n 1 "$LAB/nice-in.log")"
	[ "$_failed" -eq 0 ] || fail "no call in mode $_mode over $_via"
	for _side in out in; do
		grep -q "a=candidate:.* $NICE_RELAY 5[0-9]* typ relay" \
			"$LAB/nice-$_side.sdp" ||
			fail "candidates: $(cat "$LAB/nice-$_side.sdp")"
	done
}

# nice_masquerade: the client outside is behind a NAT from now on.
nice_masquerade() {
	NICE_OUTSIDE=192.168.77.2
	ip -n "$OUT" addr add $NICE_OUTSIDE/32 dev eth0
	in_out nft -f - <<EOF
table ip nat {
	chain post {
		type nat hook postrouting priority srcnat;
		ip saddr $NICE_OUTSIDE masquerade random
	}
}
EOF
}

# nice_lose: one datagram in nine is lost on each side of the edge, in each
# direction. They are counted, not drawn by lot, and what a client asks of the
# relay (Allocate, SetActiveDestination, CreatePermission, ChannelBind) and
# the answers are counted apart from the rest: libnice sends such a request
# three times and never again, so that now and then no call would come about.
# Here a request is lost at most once and its answer at most once.
NICE_ASKED='0x0003, 0x0006, 0x0008, 0x0009'
NICE_ANSWERED='0x0103, 0x0106, 0x0108, 0x0109, 0x0113, 0x0118, 0x0119'
nice_lose() {
	{
		echo "table inet loss {"
		nice_lose_at input iifname "$NICE_ASKED"
		nice_lose_at output oifname "$NICE_ANSWERED"
		echo "}"
	} >"$LAB/loss.nft"
	in_edge nft -f "$LAB/loss.nft"
}

# nice_lose_at HOOK DEVICE-KEY STUN-TYPES: @th,64,16 is where a datagram has
# the type of a STUN message.
nice_lose_at() {
	echo "chain $1 { type filter hook $1 priority 0;"
	for _dev in ext0 int0; do
		echo "meta l4proto udp $2 $_dev @th,64,16 { $3 } numgen inc mod 9 0 counter drop"
		echo "meta l4proto udp $2 $_dev @th,64,16 != { $3 } numgen inc mod 9 0 counter drop"
	done
	echo "}"
}

# nice_dialect DIALECT: all allocations there are now are of it.
nice_dialect() {
	lab_ctl allocations --json | python3 -c '
import json, sys
seen = {a["dialect"] for a in json.load(sys.stdin)["allocations"]}
sys.exit(seen != {sys.argv[1]})' "$1"
}

# nice_count NAME LABEL: a counter of av-edge.
nice_count() {
	in_edge curl -s --unix-socket "$LAB/run/av-edge.sock" \
		http://edge/metrics |
		awk -v name="sallyport_av_edge_$1" -v label="$2" '
			index($1, name) == 1 && index($1, label) { sum += $2 }
			END { print sum + 0 }'
}
