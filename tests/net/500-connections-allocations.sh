#!/bin/sh
# What the daemons have open, and ending one of them by hand: the call that
# used it is told, others go on.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/loopback.sh"

loop_setup
loop_init
loop_inside
loop_up

echo "# a call that is long enough, watched"
lab_spawn call ip netns exec "$EDGE" edgectl -c "$CONF" test call \
	--from sip:alice@lab.test --to sip:bob@lab.test --seconds 25 \
	--outside-address 127.0.3.10 --inside-address 127.0.4.10 --json
two() {
	loop_ctl allocations --json >"$LAB/allocations.json" &&
		[ "$(lab_json "$LAB/allocations.json" count)" = 2 ] &&
		[ "$(lab_json "$LAB/allocations.json" \
			allocations.0.up_packets)" -gt 20 ]
}
lab_wait 10 "two allocations with sound" two
loop_ctl connections --json >"$LAB/connections.json" || fail "connections"
python3 - "$LAB/connections.json" "$LAB/allocations.json" <<'END' ||
import json, sys
c = json.load(open(sys.argv[1]))["connections"]
a = json.load(open(sys.argv[2]))["allocations"]
assert [x["remote"] for x in c if x["side"] == "external"][0].startswith("127.0.3.10:"), c
assert {x["client"].split(":")[0] for x in a} == {"127.0.3.10", "127.0.4.10"}, a
assert {x["side"] for x in a} == {"external", "internal"}, a
assert {x["relay_protocol"] for x in a} == {"udp"}, a
END
	fail "listings: $(cat "$LAB/connections.json" "$LAB/allocations.json")"
loop_ctl connections --side external | grep -q 127.0.3.10 ||
	fail "text of connections"
loop_ctl allocations --sort age --limit 1 | grep -q '^1 allocations' ||
	fail "limit is not heard"

cid=$(python3 -c "import json, sys
print([c['cid'] for c in json.load(open('$LAB/connections.json'))['connections']
	if c['peer'] == 'client'][0])")
loop_ctl connections --show "$cid" >"$LAB/one.txt" || fail "show $cid"
grep -q "^user *alice@lab.test" "$LAB/one.txt" ||
	fail "one connection: $(cat "$LAB/one.txt")"
refused 1 'may have ended' loop_ctl connections --show 0000000000000000
loop_ctl connections --peer client --user sip:alice@lab.test --state open \
	--json >"$LAB/narrow.json" || fail "narrow"
[ "$(lab_json "$LAB/narrow.json" total)" = 1 ] ||
	fail "narrowed: $(cat "$LAB/narrow.json")"

echo "# narrowed"
# count OPTION...: how many allocations
count() {
	loop_ctl allocations --json "$@" >"$LAB/some.json" || fail "$*: $(cat "$LAB/some.json")"
	lab_json "$LAB/some.json" count
}
[ "$(count --side internal)" = 1 ] || fail "by side"
[ "$(count --address 127.0.3.10)" = 1 ] || fail "by address of the client"
[ "$(count --user sip:alice@lab.test)" = 1 ] || fail "by user"
[ "$(count --user bob@lab.test)" = 1 ] || fail "by user without scheme"
[ "$(count --user carol@lab.test)" = 0 ] || fail "a user who has none"
relayed=$(lab_json "$LAB/allocations.json" allocations.0.relayed)
[ "$(count --port "${relayed##*:}")" = 1 ] || fail "by relay port"
refused 1 'side is external or internal' loop_ctl allocations --side left

echo "# end one allocation: the call fails by name"
id=$(lab_json "$LAB/allocations.json" allocations.0.id)
loop_ctl allocations --close "$id" >/dev/null || fail "close $id"
refused 1 'no allocation' loop_ctl allocations --close "$id"
wait "$SPAWNED" && fail "the call did not notice"
[ "$(lab_json "$LAB/call.log" failed.step)" = media ] ||
	fail "wrong step: $(cat "$LAB/call.log")"

echo "# end a connection: the next call works"
loop_ctl connections --json >"$LAB/connections.json"
cid=$(lab_json "$LAB/connections.json" connections.0.cid)
loop_ctl connections --close "$cid" >/dev/null || fail "close $cid"
loop_call || fail "call after it: $(cat "$LAB/call.json")"
refused 1 'say which' loop_ctl connections --close-all
loop_ctl connections --close-all --peer internal | grep -q '^ended [1-9]' ||
	fail "close-all"
loop_call || fail "call after all: $(cat "$LAB/call.json")"

lab_ok "listings and ending by hand"
