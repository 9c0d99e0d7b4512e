#!/bin/sh
# A machine that was cut off for 100 generations, other signing keys over the
# wire, a publisher that is gone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"

fleet_setup
FLEET_PER_POOL=2
fleet_edges 4
fleet_topology 2 2
pub key generate >"$LAB/key.log" || fail "key: $(cat "$LAB/key.log")"
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" --no-wait \
	>"$LAB/out" 2>&1 || fail "first publication: $(cat "$LAB/out")"
fleet_carry 4
fleet_agents 4
status_ok() { pub status --json >"$LAB/status.json"; }
all_current() {
	status_ok && python3 - "$LAB/status.json" <<'END'
import json, sys
s = json.load(open(sys.argv[1]))
v = s["publication"]["version"]
sys.exit(not (s["publication"]["state"] == "done" and
    all(r["UpToDate"] and r.get("version") == v for r in s["replicas"])))
END
}
fleet_topology 2 2 all
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
	>"$LAB/out" 2>&1 || fail "to all: $(cat "$LAB/out")"
# The last that is told of it is how it ended.
grep ': .*active' "$LAB/out" | tail -n 1 | grep -qx 'done: 4 active' ||
	fail "it ends with another word: $(cat "$LAB/out")"
pub status --history >"$LAB/out"
grep -q ' superseded ' "$LAB/out" && ! grep -q ' rolling ' "$LAB/out" ||
	fail "what was superseded is under way: $(cat "$LAB/out")"

# ---- cut off for 100 generations: one bundle --------------------------------
kill -9 "$AGENT_4"
i=0
while [ $i -lt 100 ]; do
	fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
		--force --no-wait >"$LAB/out" 2>&1 ||
		fail "no $i: $(cat "$LAB/out")"
	i=$((i + 1))
done
lab_spawn serve ip netns exec "$EDGE" edgectl publish serve \
	--publisher "$LAB/pub.yaml"
SERVE=$SPAWNED
three_current() {
	status_ok || true
	python3 - "$LAB/status.json" <<'END'
import json, sys
s = json.load(open(sys.argv[1]))
v = s["publication"]["version"]
up = [r["ReplicaFqdn"] for r in s["replicas"] if r["UpToDate"] and
      r.get("version") == v]
sys.exit(len(up) != 3)
END
}
lab_wait 60 "the other three on the newest" three_current
fleet_agent 4
lab_wait 60 "e4 to catch up" all_current
[ "$(grep -c 'event=bundle.staged' "$LAB/agent4.log")" = 1 ] ||
	fail "e4 needed more than one bundle"

# ---- other keys, over the wire: signed by the old and by the new ------------
pub key generate --file "$LAB/pub/two.pem" >"$LAB/out" 2>&1 ||
	fail "second key: $(cat "$LAB/out")"
pub key rotate --add "two=$LAB/pub/two.pem" --threshold 2 >"$LAB/out" 2>&1 &&
	fail "a threshold of 2 with one signer was taken"
grep -q "want 2 signatures" "$LAB/out" || fail "$(cat "$LAB/out")"
pub key rotate --add "two=$LAB/pub/two.pem" --with "$LAB/pub/two.pem" \
	--threshold 2 >"$LAB/out" 2>&1 || fail "rotate: $(cat "$LAB/out")"
trusted() { for i in 1 2 3 4; do fleet_is $i trust_serial 2 || return 1; done; }
lab_wait 30 "all edges to have the new keys" trusted
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" --force \
	>"$LAB/out" 2>&1 && fail "published with one of two signatures"
sed -i "s|^signing: .*|signing: [{key: $LAB/pub/signing.pem}, {key: $LAB/pub/two.pem}]|" \
	"$LAB/pub.yaml"
kill "$SERVE"
wait "$SERVE" 2>/dev/null || true
lab_spawn serve2 ip netns exec "$EDGE" edgectl publish serve \
	--publisher "$LAB/pub.yaml"
SERVE=$SPAWNED
fleet_topology 2 2 twice
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
	>"$LAB/out" 2>&1 || fail "with two: $(cat "$LAB/out")"

# ---- publisher down: edges go on --------------------------------------------
kill -9 "$SERVE"
sleep 1
for i in 1 2 3 4; do
	fleet_is $i current.epoch 1 || fail "e$i went with the publisher"
done
# The record is as it was: another one goes on where it stopped.
fleet_topology 2 2 last
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
	>"$LAB/out" 2>&1 || fail "without serve: $(cat "$LAB/out")"
grep -q "Published .*: done" "$LAB/out" || fail "$(cat "$LAB/out")"
lab_ok "catch-up, other keys, publisher gone"
