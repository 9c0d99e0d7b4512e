#!/bin/sh
# `edgectl test replica` on an edge that a person configures: that there is no
# publisher is no failure, one that was half set up is.
. "$(dirname "$0")/lib.sh"

lab_setup
lab_up
lab_ctl test replica >"$LAB/out" 2>&1 ||
	fail "status $? without a publisher: $(cat "$LAB/out")"
grep -q "has no publisher, and needs none" "$LAB/out" ||
	fail "$(cat "$LAB/out")"
lab_ctl test replica --json >"$LAB/out.json" || fail "status $? with --json"
[ "$(lab_json "$LAB/out.json" has_publisher)" = false ] || fail "says it has"
grep -q '"mutual TLS"' "$LAB/out.json" || fail "the port was not tried"

# half a publisher
sed -i 's/^servers:/servers:\n  cms.int.contoso.test: [replication]/' \
	"$LAB/topology.yaml"
lab_ctl topology apply "$LAB/topology.yaml" >"$LAB/apply.log" 2>&1 ||
	fail "apply: $(cat "$LAB/apply.log")"
lab_ctl test replica >"$LAB/out" 2>&1 && fail "no keys, and all is well?"
grep -q "replication bootstrap --trust" "$LAB/out" || fail "$(cat "$LAB/out")"

# nobody who could answer
for pid in $(ip netns pids "$EDGE"); do
	lab_end "$pid"
done
lab_ctl test replica >"$LAB/out" 2>&1 && fail "it is not running"
grep -q '^agent .*fail' "$LAB/out" || fail "$(cat "$LAB/out")"
lab_ok "no publisher is no failure, half a publisher is"
