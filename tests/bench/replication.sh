#!/bin/sh
# make bench-replication: one topology to 1, 20 and 200 edges on one machine.
# Real agents, each with an address, run_dir and state_dir of its own, without
# the other daemons; `edgectl publish` with --hold 0, the canaries and the
# rest. Per fleet: time from the order to the moment each machine's agent
# says that the new version is in force (p50, p99, all), CPU of publisher and
# agents and bytes on the wire for each edge. Median of RUNS (5); growth of
# each from 20 to 200 says whether it is linear. Writes build/bench/replication.json.
. "$(dirname "$0")/../net/lib.sh"
. "$(dirname "$0")/../net/fleet.sh"
. "$(dirname "$0")/cpu.sh"

FLEETS=${FLEETS:-1 20 200}
RUNS=${RUNS:-5}
MOST=0
for n in $FLEETS; do [ "$n" -le "$MOST" ] || MOST=$n; done
fleet_setup
echo "making $MOST edges"
fleet_edges "$MOST"

wire() { in_edge awk '$1 == "lo:" {print $2}' /proc/net/dev; }
agents_cpu() { # COUNT
	_pids=
	_k=1
	while [ $_k -le "$1" ]; do
		eval "_pids=\"\$_pids \$AGENT_$_k\""
		_k=$((_k + 1))
	done
	# shellcheck disable=SC2086
	cpu_us $_pids
}

# run COUNT NUMBER: one publication, its figures as a line in $LAB/runs
run() {
	fleet_topology "$1" 1 "run$2"
	_c0=$(agents_cpu "$1")
	_b0=$(wire)
	python3 - "$LAB" "$1" "$EDGE" <<'END' >"$LAB/run.json" || fail "run"
import glob, json, os, resource, subprocess, sys, time
lab, count, ns = sys.argv[1], int(sys.argv[2]), sys.argv[3]
logs = [open(f"{lab}/agent{i}.log") for i in range(1, count + 1)]
for f in logs:
    f.seek(0, os.SEEK_END)
t0 = time.time()
p = subprocess.Popen(["ip", "netns", "exec", ns, "edgectl", "--json",
    "publish", f"{lab}/topology.yaml", "--publisher", f"{lab}/pub.yaml",
    "--hold", "0"], stdout=open(f"{lab}/publish.json", "w"))
status = p.wait()
total = time.time() - t0
used = resource.getrusage(resource.RUSAGE_CHILDREN)
if status != 0:
    sys.exit("publish: " + open(f"{lab}/publish.json").read())
# Each agent's own clock: when it switched.
from datetime import datetime, timezone
at = []
for f in logs:
    for line in f:
        if "event=generation.activated" in line:
            when = datetime.strptime(line.split()[0],
                "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
            at.append(when.timestamp() - t0)
if len(at) != count:
    sys.exit(f"{len(at)} of {count} switched")
at.sort()
print(json.dumps({"p50": at[len(at) // 2],
    "p99": at[min(len(at) - 1, len(at) * 99 // 100)], "last": at[-1],
    "all": total, "publisher_us":
    (used.ru_utime + used.ru_stime) * 1e6 / count}))
END
	_b1=$(wire)
	_c1=$(agents_cpu "$1")
	python3 - "$LAB/run.json" "$1" $((_c1 - _c0)) $((_b1 - _b0)) <<'END' |
import json, sys
row = json.load(open(sys.argv[1]))
n = int(sys.argv[2])
row.update(edges=n, agent_us=int(sys.argv[3]) / n, bytes=int(sys.argv[4]) / n)
print(json.dumps(row))
END
		tee -a "$LAB/runs"
}

# The whole fleet is up from its first topology on.
pub key generate >"$LAB/key.log" 2>&1 || fail "key: $(cat "$LAB/key.log")"
up=0
for n in $FLEETS; do
	fleet_topology "$n" 1 "first$n"
	fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
		--no-wait >"$LAB/out" 2>&1 || fail "first: $(cat "$LAB/out")"
	pub export "$LAB/first.edgb" >/dev/null || fail "export"
	while [ $up -lt "$n" ]; do
		up=$((up + 1))
		fleet_ctl -c "$LAB/e$up.yaml" replication bootstrap \
			--trust "$LAB/trust.json" "$LAB/first.edgb" \
			>"$LAB/out" 2>&1 || fail "e$up: $(cat "$LAB/out")"
		fleet_agent $up
	done
	lab_wait 120 "$n agents" fleet_listens "$n"
	# Once for warmth: certificates, connections of nobody, pages.
	fleet_topology "$n" 1 "warm$n"
	fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
		--hold 0 >"$LAB/out" 2>&1 || fail "warm: $(cat "$LAB/out")"
	i=0
	while [ $i -lt "$RUNS" ]; do
		i=$((i + 1))
		run "$n" "$n.$i"
	done
done

mkdir -p "$TOP/build/bench"
python3 - "$LAB/runs" "$TOP/build/bench/replication.json" <<'END'
import json, statistics, sys
by = {}
for line in open(sys.argv[1]):
    row = json.loads(line)
    by.setdefault(row["edges"], []).append(row)
KEYS = {"all": ("", "s, order given to all active, canaries included"),
        "p50": ("_p50", "s, order given to active, median machine"),
        "p99": ("_p99", "s, order given to active, p99 machine"),
        "publisher_us": ("_publisher_cpu", "us CPU per edge, publisher"),
        "agent_us": ("_agent_cpu", "us CPU per edge, agent"),
        "bytes": ("_bytes", "bytes per edge on the wire, both ways, with "
                  "TCP, TLS and local traffic of the daemons' buses apart")}
out = {"peer": None, "shapes": {}}
for n, rows in sorted(by.items()):
    for key, (tail, unit) in KEYS.items():
        out["shapes"][f"edges_{n}{tail}"] = {"unit": unit,
            "ours": round(statistics.median(r[key] for r in rows), 4)}
fleets = sorted(by)
if len(fleets) > 1:
    a, b = fleets[-2], fleets[-1]
    per_edge = lambda n, key: statistics.median(r[key] for r in by[n]) / (
        n if key == "all" else 1)
    for tail, key, what in (("", "all", "time"),
                            ("_publisher_cpu", "publisher_us", "publisher CPU"),
                            ("_agent_cpu", "agent_us", "agent CPU"),
                            ("_bytes", "bytes", "bytes")):
        out["shapes"][f"growth{tail}"] = {"unit": f"{what} per edge with {b} "
            f"edges to that with {a}: 1 is linear",
            "ours": round(per_edge(b, key) / per_edge(a, key), 3)}
json.dump(out, open(sys.argv[2], "w"), indent=1)
print(json.dumps(out, indent=1))
worst = max(fleets)
if worst >= 200 and statistics.median(r["all"] for r in by[worst]) >= 10:
    sys.exit("200 edges took 10 s or more")
END
lab_ok "bench-replication"
