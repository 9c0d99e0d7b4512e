#!/bin/sh
# Who has lacked something newer for more than ten minutes ends both status
# commands with 1, for whoever watches them; who lacks it for less does not.
# The clock is not turned: the moment it began is written back.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"

fleet_setup
FLEET_PER_POOL=1
fleet_edges 1
fleet_topology 1 1
pub key generate >"$LAB/key.log" || fail "key: $(cat "$LAB/key.log")"
say() {
	fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
		"$@" >"$LAB/out" 2>&1
}
say --no-wait || fail "first publication: $(cat "$LAB/out")"
fleet_carry 1
fleet_agents 1
fleet_topology 1 1 one
say || fail "publish: $(cat "$LAB/out")"
edge() { fleet_ctl -c "$LAB/e1.yaml" "$@"; }
edge replication status >"$LAB/edge" || fail "the edge: $(cat "$LAB/edge")"
pub status >"$LAB/all" || fail "all of them: $(cat "$LAB/all")"

# ---- a pinned machine falls behind --------------------------------------------
edge topology rollback >"$LAB/out" 2>&1 || fail "pin: $(cat "$LAB/out")"
fleet_topology 1 1 two
say || true
edge replication status >"$LAB/edge" || fail "too early: $(cat "$LAB/edge")"
grep -q '^no .* pinned ' "$LAB/edge" || fail "not behind: $(cat "$LAB/edge")"
pub status >"$LAB/all" || fail "too early: $(cat "$LAB/all")"
grep -q '^no .* pinned ' "$LAB/all" || fail "not behind: $(cat "$LAB/all")"

# began SECONDS: so long ago, in the publisher's record and the agent's state
began() {
	sqlite3 "$LAB/pub/record.db" "UPDATE replica SET behind_since=
		strftime('%s','now')-$1 WHERE behind_since>0"
	kill "$AGENT_1"
	wait "$AGENT_1" 2>/dev/null || true
	python3 - "$LAB/e1/state/replication-agent/state.json" "$1" <<'PY' ||
import json, sys, time
path, ago = sys.argv[1], int(sys.argv[2])
state = json.load(open(path))
assert state["facts"]["behind_since"] > 0
state["facts"]["behind_since"] = int(time.time()) - ago
with open(path, "r+") as f:
    f.truncate()
    json.dump(state, f)
PY
		fail "the agent does not know that it is behind"
	fleet_agent 1
	lab_wait 10 "the agent to listen" fleet_listens 1
}
began 500
edge replication status >"$LAB/edge" || fail "500 s: $(cat "$LAB/edge")"
pub status >"$LAB/all" || fail "500 s: $(cat "$LAB/all")"
began 601
_s=0
edge --json replication status >"$LAB/edge.json" || _s=$?
[ $_s = 1 ] || fail "601 s on the edge: status $_s"
[ "$(lab_json "$LAB/edge.json" ok)" = false ] || fail "$(cat "$LAB/edge.json")"
_s=0
pub status --json >"$LAB/all.json" || _s=$?
[ $_s = 1 ] || fail "601 s on the publisher: status $_s"
[ "$(lab_json "$LAB/all.json" behind)" = 1 ] || fail "$(cat "$LAB/all.json")"
edge replication status >"$LAB/edge" || true
grep -Eq '^no .* 6[0-9]+ s +pinned ' "$LAB/edge" || fail "$(cat "$LAB/edge")"

# ---- and is well again ----------------------------------------------------------
edge topology unpin >"$LAB/out" 2>&1 || fail "unpin: $(cat "$LAB/out")"
fleet_topology 1 1 three
say || fail "publish: $(cat "$LAB/out")"
edge replication status >"$LAB/edge" || fail "still: $(cat "$LAB/edge")"
head -n 2 "$LAB/edge" | grep -q 'pinned by' &&
	fail "what is over stands beside how it is: $(cat "$LAB/edge")"
grep -q '^Last error  .*pinned by' "$LAB/edge" || fail "it is forgotten"
pub status >"$LAB/all" || fail "still: $(cat "$LAB/all")"
lab_ok "ten minutes behind is status 1, in both views"
