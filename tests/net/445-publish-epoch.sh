#!/bin/sh
# The epoch of an sqlite record is raised by hand: the publisher that is
# in office meanwhile notices and takes over anew, edges learn of it at once,
# and whoever has the record as it was before gets nothing through.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"

fleet_setup
FLEET_PER_POOL=1
fleet_edges 2
fleet_topology 2 1
pub key generate >"$LAB/key.log" || fail "key: $(cat "$LAB/key.log")"
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" --no-wait \
	>"$LAB/out" 2>&1 || fail "first publication: $(cat "$LAB/out")"
fleet_carry 2
fleet_agents 2
lab_spawn one ip netns exec "$EDGE" edgectl publish serve \
	--publisher "$LAB/pub.yaml"
ONE=$SPAWNED
on_epoch() { # EPOCH: both edges are there, and the roll-out is done
	fleet_is 1 current.epoch "$1" && fleet_is 2 current.epoch "$1" &&
		pub status --json >"$LAB/status.json" &&
		[ "$(lab_json "$LAB/status.json" publication.state)" = done ]
}
lab_wait 30 "the fleet to be current" on_epoch 1

# What lies in a backup, or on the machine that is thought dead.
mkdir "$LAB/old"
sqlite3 "$LAB/pub/record.db" ".backup '$LAB/old/record.db'"
sed "s|^state_dir: .*|state_dir: $LAB/old|" "$LAB/pub.yaml" >"$LAB/old.yaml"

# ---- two processes on one record: nobody sits on the old epoch ---------------
lab_spawn two ip netns exec "$EDGE" edgectl publish serve --raise-epoch \
	--publisher "$LAB/pub.yaml"
TWO=$SPAWNED
lab_wait 10 "the second to raise it" grep -q \
	'event=publisher.epoch_raised epoch=2' "$LAB/two.log"
lab_wait 10 "the one in office to notice" grep -q \
	'event=publisher.record_lost .*went from 1 to 2' "$LAB/one.log"
in_office() { grep -q 'event=publisher.office epoch=2' "$LAB/$1.log"; }
either() { in_office one || in_office two; }
lab_wait 10 "an office under the new epoch" either
lab_wait 30 "the edges to learn of it" on_epoch 2
in_office one && in_office two && fail "two in office"
fleet_topology 2 1 later
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
	>"$LAB/out" 2>&1 || fail "after it: $(cat "$LAB/out")"
grep -q '^Published 2\.[0-9]*: done' "$LAB/out" || fail "$(cat "$LAB/out")"
kill "$ONE" "$TWO"
wait "$ONE" "$TWO" 2>/dev/null || true

# A restart raises nothing, and is no news to the edges.
NEWEST=$(fleet_newest)
lab_spawn three ip netns exec "$EDGE" edgectl publish serve \
	--publisher "$LAB/pub.yaml"
lab_wait 10 "the office" in_office three
sleep 1
[ "$(fleet_newest)" = "$NEWEST" ] || fail "a restart published"

# ---- the old machine comes back ------------------------------------------------
fleet_topology 2 1 back
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/old.yaml" --force \
	>"$LAB/out" 2>&1 && fail "the old one published: $(cat "$LAB/out")"
grep -q "epoch 1 is over" "$LAB/out" || fail "$(cat "$LAB/out")"
for i in 1 2; do
	fleet_is $i current.epoch 2 || fail "e$i went back"
done
lab_ok "an epoch raised by hand ends the old office, here and elsewhere"
