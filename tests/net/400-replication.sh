#!/bin/sh
# A publisher inside brings a topology to an edge that was bootstrapped from
# a carried file: staged, tried by the daemons, activated, confirmed. Going
# back by hand pins the edge; unpinning lets it follow again.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/replication.sh"

lab_setup
repl_setup
repl_bootstrap
[ "$(repl_status current.serial)" = 1 ] || fail "not what was carried"
[ "$(lab_json "$LAB/repl.json" replicas.0.state)" = active ] ||
	fail "the carried bundle is not active"

repl_change 's/av-edge: {/av-edge: {max_bandwidth_per_port_kb: 5000, /'
repl_pub "$LAB/topology.yaml" --reason 'more bandwidth' \
	>"$LAB/publish.log" 2>&1 || fail "publish: $(cat "$LAB/publish.log")"
[ "$(repl_status current.serial)" = 2 ] || fail "it did not arrive"
[ "$(lab_json "$LAB/repl.json" replica.up_to_date)" = true ] ||
	fail "it does not know that it is up to date"
lab_ctl topology show --json >"$LAB/show.json"
grep -q 5000 "$LAB/show.json" || fail "the setting is not in force"
repl_pub status --json >"$LAB/fleet.json" || fail "the fleet is not well"

lab_ctl test replica >"$LAB/probe.log" 2>&1 ||
	fail "test replica: $(cat "$LAB/probe.log")"

# ---- a publisher rules here --------------------------------------------------
if lab_ctl topology apply "$LAB/topology.yaml" >"$LAB/apply.log" 2>&1; then
	fail "a local apply went through without --override"
fi

# ---- pinned ------------------------------------------------------------------
lab_ctl topology rollback >"$LAB/rollback.log" 2>&1 ||
	fail "rollback: $(cat "$LAB/rollback.log")"
[ "$(repl_status pinned)" = true ] || fail "rollback does not pin"
repl_change 's/port_kb: 5000/port_kb: 6000/'
if repl_pub "$LAB/topology.yaml" --reason 'while pinned' \
	>"$LAB/publish.log" 2>&1; then
	fail "the publisher thinks that a pinned edge has it"
fi
[ "$(repl_status current.serial)" = 1 ] || fail "the pin does not hold"
[ "$(repl_status staged.serial)" = 3 ] || fail "it is not staged meanwhile"
lab_ctl topology unpin >"$LAB/unpin.log" 2>&1 ||
	fail "unpin: $(cat "$LAB/unpin.log")"
[ "$(repl_status current.serial)" = 3 ] ||
	fail "what waited did not come into force"
[ "$(repl_status pinned)" = false ] || fail "it is still pinned"

# ---- an override, told everywhere --------------------------------------------
sed 's/port_kb: 6000/port_kb: 7000/' "$LAB/topology.yaml" >"$LAB/own.yaml"
lab_ctl topology apply --override "$LAB/own.yaml" >"$LAB/apply.log" 2>&1 ||
	fail "override: $(cat "$LAB/apply.log")"
[ "$(repl_status pinned)" = true ] || fail "an override does not pin"
repl_is_own() { [ "$(repl_status current.epoch)" = 0 ]; }
lab_wait 5 "the override to be told" repl_is_own
lab_ctl topology unpin >/dev/null
repl_change 's/port_kb: 6000/port_kb: 6500/'
repl_pub "$LAB/topology.yaml" --reason 'after the override' \
	>"$LAB/publish.log" 2>&1 || fail "publish: $(cat "$LAB/publish.log")"
[ "$(repl_status current.serial)" = 4 ] || fail "it does not follow again"

# ---- without the publisher the edge goes on ----------------------------------
pid=$(lab_pid replication-agent)
kill -9 "$pid"
lab_wait 10 "the agent to be back" repl_is_serving
[ "$(repl_status current.serial)" = 4 ] || fail "the restart lost it"
lab_ok "bootstrapped, published, pinned, unpinned, overridden, killed"
