#!/bin/sh
# Draining the relay (R20): a call that is up goes on, new ones are refused
# with 508, in MS-TURN with 500; at the deadline what is left ends, and why is
# told. Resumed in time, nobody notices.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/loopback.sh"

loop_setup
loop_init
loop_inside
loop_up

# call SECONDS: in the background, report in $LAB/long.log
call() {
	lab_spawn long ip netns exec "$EDGE" edgectl -c "$CONF" test call \
		--from sip:alice@lab.test --to sip:bob@lab.test --seconds "$1" \
		--outside-address 127.0.3.10 --inside-address 127.0.4.10 --json
	lab_wait 10 "two allocations with sound" two
}
# sounds CLIENT: does its allocation have sound in it?
sounds() {
	loop_ctl allocations --address "$1" --json >"$LAB/some.json" &&
		[ "$(lab_json "$LAB/some.json" count)" = 1 ] &&
		[ "$(lab_json "$LAB/some.json" \
			allocations.0.up_packets)" -gt 10 ]
}
two() { sounds 127.0.3.10 && sounds 127.0.4.10; }
# state WORD: is av-edge in it?
state() {
	loop_ctl status --json >"$LAB/status.json" || true
	python3 - "$LAB/status.json" "$1" <<'END'
import json, sys
for row in json.load(open(sys.argv[1])).get("daemons", []):
    if row.get("daemon") == "av-edge":
        sys.exit(0 if row["state"] == sys.argv[2] else 1)
sys.exit(1)
END
}
# metric NAME LABELS
metric() {
	loop_edge curl -s --unix-socket "$LAB/run/av-edge.sock" \
		http://bus/metrics | sed -n "s/^sallyport_av_edge_$1{$2} //p"
}

# turn DIALECT: the code of an Allocate of somebody new, with a credential.
loop_ctl credentials issue --user sip:carol@lab.test --json \
	>"$LAB/cred.json" || fail "credentials issue"
turn() {
	loop_edge python3 "$TOP/tests/net/turn_ask.py" "$1" 127.0.1.12 3478 \
		"$(lab_json "$LAB/cred.json" username)" \
		"$(lab_json "$LAB/cred.json" password)"
}
[ "$(turn rfc)" = 0 ] || fail "before the drain: $(turn rfc)"
[ "$(turn ms)" = 0 ] || fail "before the drain, MS-TURN: $(turn ms)"

echo "# resumed in time: the call does not notice"
call 8
loop_ctl drain av-edge --deadline 60 >/dev/null || fail "drain"
state draining || fail "not draining: $(cat "$LAB/status.json")"
[ "$(turn rfc)" = 508 ] || fail "while draining: $(turn rfc)"
[ "$(turn ms)" = 500 ] || fail "while draining, MS-TURN: $(turn ms)"
loop_ctl resume av-edge >/dev/null || fail "resume"
[ "$(turn rfc)" = 0 ] || fail "after the resume: $(turn rfc)"
wait "$SPAWNED" || fail "the call suffered: $(cat "$LAB/long.log")"
[ "$(lab_json "$LAB/long.log" call.media.lost)" = 0 ] || fail "lost packets"

echo "# the deadline: it goes on so long, and no longer"
call 25
t0=$(date +%s%N)
loop_ctl drain av-edge --deadline 10 >/dev/null || fail "drain"
two || fail "the call ended before the deadline: $(cat "$LAB/some.json")"
none() {
	loop_ctl allocations --json >"$LAB/some.json" &&
		[ "$(lab_json "$LAB/some.json" count)" = 0 ]
}
lab_wait 10 "the allocations to end at the deadline" none
ms=$((($(date +%s%N) - t0) / 1000000))
[ "$ms" -ge 10000 ] || fail "they ended after $ms ms, not 10 s"
[ "$(metric allocations_ended_total 'cause="drained"')" -ge 2 ] ||
	fail "not counted: $(metric allocations_ended_total '.*')"
loop_ctl explain 127.0.3.10 >"$LAB/story.txt" || fail "explain"
grep -q 'reason=drained' "$LAB/story.txt" ||
	fail "not explained: $(cat "$LAB/story.txt")"
wait "$SPAWNED" && fail "the call did not notice"
loop_ctl resume av-edge >/dev/null || fail "resume"
loop_call || fail "a call after it: $(cat "$LAB/call.json")"
lab_ok "drain with a deadline"
