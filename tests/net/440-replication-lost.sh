#!/bin/sh
# An edge that lost its generations: rebuilt from a bundle it kept; without
# any, the agent starts all the same, listens where it listened, and takes
# what the publisher pushes. Readers need no write access: a read-only store
# serves (R8: a port that can't be had is told).
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/replication.sh"

lab_setup
repl_setup
repl_bootstrap
repl_change 's/av-edge: {/av-edge: {max_bandwidth_per_port_kb: 5000, /'
repl_pub "$LAB/topology.yaml" >"$LAB/publish.log" 2>&1 ||
	fail "publish: $(cat "$LAB/publish.log")"
NAME=$(repl_status current.sha256)
lab_end "$UP_PID"

agent_up() {
	lab_spawn agent ip netns exec "$EDGE" replication-agent -c "$LAB/edge.yaml"
	AGENT=$SPAWNED
	lab_wait 10 "the agent to answer" repl_status clock
}

# ---- rebuilt from what it kept ------------------------------------------------
rm -f "$LAB/state/topology/gen/"*
agent_up
[ "$(repl_status current.sha256)" = "$NAME" ] ||
	fail "not rebuilt from the bundle it kept"
lab_end "$AGENT"

# ---- nothing left but the keys ---------------------------------------------------
rm -f "$LAB/state/topology/gen/"* "$LAB/state/topology/current" \
	"$LAB/state/topology/previous" "$LAB/state/replication-agent/bundles/"*
agent_up
[ "$(repl_status current)" = None ] || fail "where does it have that from?"
code=$(repl_curl cms -o "$LAB/answer" -w '%{http_code}' $REPL_URL/status)
[ "$code" = 200 ] || fail "the first publisher is answered with $code"
code=$(repl_curl fe -o "$LAB/answer" -w '%{http_code}' $REPL_URL/status)
[ "$code" = 403 ] || fail "anybody may talk while there is no topology"
repl_pub export "$LAB/next.edgb" >/dev/null
code=$(repl_curl cms -o "$LAB/answer" -w '%{http_code}' \
	-T "$LAB/next.edgb" -H 'Edge-Version: 1.2' \
	"$REPL_URL/bundles/$NAME?activate=1")
[ "$code" = 200 ] || fail "the push is answered with $code: $(cat "$LAB/answer")"
[ "$(repl_status current.sha256)" = "$NAME" ] || fail "it is not in force"
lab_end "$AGENT"

# ---- a store that can't be written -----------------------------------------------
lab_spawn up ip netns exec "$EDGE" unshare -m sh -c "mount --bind '$LAB/state/topology' \
	'$LAB/state/topology' && mount -o remount,ro,bind '$LAB/state/topology' &&
	exec edgectl -c '$LAB/edge.yaml' up --only av-auth --only access-edge \
	--only replication-agent"
UP_PID=$SPAWNED
serves() {
	lab_ctl status --json >"$LAB/status.json" || true
	[ "$(grep -o '"serving"' "$LAB/status.json" | wc -l)" -ge 3 ]
}
lab_wait 15 "the daemons to serve from a read-only store" serves
repl_change 's/port_kb: 5000/port_kb: 6000/'
if repl_pub "$LAB/topology.yaml" >"$LAB/publish.log" 2>&1; then
	fail "a read-only store took a topology"
fi
serves || fail "somebody stopped serving"
repl_status last_error.text | grep -qi 'read-only' || fail "nobody says why"
lab_end "$UP_PID"

# ---- R8 ---------------------------------------------------------------------------
lab_spawn taken ip netns exec "$EDGE" python3 -c '
import socket, time
for _ in range(100): # what the agent left may linger
    try:
        s = socket.create_server(("10.0.0.10", 4443))
        break
    except OSError:
        time.sleep(0.1)
time.sleep(60)'
lab_wait 15 "the port to be taken" in_edge sh -c \
	"ss -Htlnp 'sport = :4443' | grep -q python"
if in_edge timeout 20 replication-agent -c "$LAB/edge.yaml" \
	>"$LAB/taken2.log" 2>&1; then
	fail "R8: it runs without its port"
fi
grep -q '10.0.0.10:4443 is in use' "$LAB/taken2.log" ||
	fail "R8: $(cat "$LAB/taken2.log")"
lab_ok "rebuilt, taken anew, served read-only"
