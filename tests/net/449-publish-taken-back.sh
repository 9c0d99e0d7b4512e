#!/bin/sh
# A generation that a daemon crashes with on the canary: its agent takes it
# back, the roll-out stops, and no other machine gets it (R29). 'resume' goes
# on without the one that is pinned; 'rollback' leads to what a person
# published before, past what the publisher published by itself.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"

fleet_setup
FLEET_PER_POOL=2
fleet_edges 2
fleet_topology 1 2
pub key generate >"$LAB/key.log" || fail "key: $(cat "$LAB/key.log")"
say() { # NOTE ARGS...: publish another topology
	fleet_topology 1 2 "$1"
	shift
	fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
		"$@" >"$LAB/out" 2>&1
}
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" --no-wait \
	>"$LAB/out" 2>&1 || fail "first publication: $(cat "$LAB/out")"
fleet_carry 2
fleet_agents 2
lab_spawn serve ip netns exec "$EDGE" edgectl publish serve \
	--publisher "$LAB/pub.yaml"
rests() { # all have the newest, and nothing more is to be done
	pub status --json >"$LAB/status.json" &&
		[ "$(lab_json "$LAB/status.json" publication.state)" = done ] &&
		! grep -q '"UpToDate":false' "$LAB/status.json" &&
		[ "$(sqlite3 "file:$LAB/e2/state/topology/current?immutable=1" \
			"SELECT COUNT(*) FROM sealed_key")" -ge 2 ]
}
lab_wait 15 "keys of the pool on both" rests
av_auth() {
	lab_spawn av-auth ip netns exec "$EDGE" av-auth -c "$LAB/e1.yaml"
	AUTH=$SPAWNED
	lab_wait 10 "av-auth to answer" auth_answers
}
auth_answers() {
	fleet_ctl -c "$LAB/e1.yaml" status --json >"$LAB/auth.json" || true
	grep -q "\"pid\": *$AUTH\b" "$LAB/auth.json"
}
av_auth
say good || fail "a good one: $(cat "$LAB/out")"
GOOD=$(fleet_newest)

# ---- it crashes, and again ---------------------------------------------------
say crashes --no-wait --hold 60 --canary e1.int.test ||
	fail "the bad one: $(cat "$LAB/out")"
BAD=$(fleet_newest)
lab_wait 10 "the canary to run it" fleet_is 1 current.serial "${BAD#*.}"
for _ in 1 2; do
	sleep 1.2 # it is looked at each second
	kill -9 "$AUTH"
	wait "$AUTH" 2>/dev/null || true
	av_auth
done
stopped() {
	pub status --json >"$LAB/status.json" || true
	[ "$(lab_json "$LAB/status.json" publication.state)" = stopped ]
}
lab_wait 15 "the roll-out to stop" stopped
lab_json "$LAB/status.json" publication.note >"$LAB/note"
grep -q "e1.int.test: taken back: av-auth was restarted" "$LAB/note" ||
	fail "nobody says why: $(cat "$LAB/note")"
fleet_is 2 current.serial "${GOOD#*.}" || fail "e2 has it, too"

# ---- back to what a person published before ----------------------------------
fleet_ctl -c "$LAB/e1.yaml" topology unpin >/dev/null || fail "unpin"
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
	--new-pool-keys --no-wait >"$LAB/out" 2>&1 ||
	fail "new keys: $(cat "$LAB/out")"
pub rollback --no-wait >"$LAB/out" 2>&1 || fail "rollback: $(cat "$LAB/out")"
note() {
	sqlite3 "file:$LAB/e$1/state/topology/current?immutable=1" \
		"SELECT note FROM federated_domain"
}
lab_wait 20 "the good one everywhere" rests
for i in 1 2; do
	[ "$(note $i)" = good ] || fail "e$i went back to '$(note $i)'"
done
lab_ok "the pool keeps what it has, and goes back to what was good"
