#!/bin/sh
# What an unprivileged user wrote is not read by root, neither by `edgectl up`
# nor by a daemon that root started: the replication agent's user, taken over,
# must not reach root through a parser (S18). The kernel is witness.
. "$(dirname "$0")/lib.sh"

lab_setup
lab_ctl topology apply "$LAB/topology.yaml" >"$LAB/apply.log" 2>&1 ||
	fail "topology apply: $(cat "$LAB/apply.log")"
# What the agent left behind in another life.
install -d -m 700 "$LAB/state/replication-agent/bundles"
for file in state.json trust.json head.edgb pin.json; do
	echo '{}' >"$LAB/state/replication-agent/$file"
done
chown -R --reference="$LAB/state/topology" "$LAB/state/replication-agent"

lab_spawn up in_edge strace -D -f -qq -o "$LAB/trace" -e signal=none \
	-e trace=openat,open,setresuid,clone,clone3,fork,vfork \
	edgectl -c "$LAB/edge.yaml" up
UP_PID=$SPAWNED
lab_wait 30 "the suite to serve" lab_is_serving
cp "$LAB/trace" "$LAB/trace.1"

# A process is root until it says otherwise, and makes its like. clone() tells
# the number of the new one when it ends, perhaps after the new one's first
# words: who made whom is read first.
awk -v state="$LAB/state/" '
function below(line, part) { return index(line, "\"" state part) > 0 }
/ setresuid\([1-9][0-9]*, [1-9][0-9]*, [1-9][0-9]*/ {
	down[$1] = 1
	steps += NR == FNR
}
NR == FNR {
	if ($0 ~ /(clone|clone3|fork|vfork)[( ].* = [0-9]+$/ && down[$1])
		born[$NF] = 1
	next
}
FNR == 1 {
	split("", down)
	for (pid in born)
		down[pid] = 1
}
/O_DIRECTORY|ENOENT/ { next }
below($0, "topology/gen/") || below($0, "replication-agent/") {
	if (down[$1])
		good++
	else
		print "as root: " $0
}
END { print "steps " steps " good " good }' "$LAB/trace.1" "$LAB/trace.1" \
	>"$LAB/verdict"

if grep '^as root' "$LAB/verdict"; then
	fail "root read what the agent wrote"
fi
# Five of them, `edgectl up` once, and the files were looked at.
steps=$(sed -n 's/^steps \([0-9]*\) .*/\1/p' "$LAB/verdict")
good=$(sed -n 's/.* good \([0-9]*\)$/\1/p' "$LAB/verdict")
[ "$steps" -ge 4 ] || fail "only $steps changes of user were seen"
[ "$good" -ge "$steps" ] || fail "only $good files were read"
lab_ok "root reads nothing of the store: $good files by $steps users"
