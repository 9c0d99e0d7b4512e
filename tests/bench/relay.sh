#!/bin/sh
# make bench-relay: CPU per packet, per allocation and memory of av-edge
# against coturn (Debian's turnserver), one relay thread each on CPU 1, the
# load on CPU 0, in one run, in turn. Median of RUNS (3) each. Limits are
# raised, none is switched off. Writes build/bench/relay.json.
# SHAPES="real many" runs a part.
SETTINGS_AV='allow_peers: [127.0.4.0/24], allocations_per_user: 10000, allocations_per_credential: 10000, allocations_per_minute: 10000000, max_bandwidth_per_user_kb: 4294967295, max_bandwidth_per_port_kb: 4294967295, stranger_rate: 1000000'
. "$(dirname "$0")/lib.sh"

RUNS=${RUNS:-3}
FLOWS=${FLOWS:-1000}
HOLD=${HOLD:-9000}
SHAPES=${SHAPES:-hold alloc real spin many up down pair}
[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
bench_setup
echo "workers: 1" >>"$LAB/edge.yaml"
in_edge sysctl -qw net.core.rmem_max=8388608 2>/dev/null || true
lab_up

lab_ctl credentials issue --user sip:bench@contoso.test --json \
	>"$LAB/cred.json" || fail "credentials issue"
USER=$(lab_json "$LAB/cred.json" username)
PASS=$(lab_json "$LAB/cred.json" password)
OURS=$(lab_pid av-edge)
taskset -apc 1 "$OURS" >/dev/null

coturn_up() {
	lab_spawn coturn in_edge taskset -c 1 turnserver -n --no-tls --no-dtls \
		--no-cli --cli-password=x --allow-loopback-peers --lt-cred-mech \
		-a --user "bench:bench" --realm contoso.test \
		--listening-ip 127.0.1.20 --relay-ip 127.0.1.20 \
		--listening-port 3478 --min-port 50000 --max-port 59999 \
		--relay-threads 1 --log-file /dev/null --no-stdout-log \
		--pidfile "$LAB/coturn.pid"
	lab_wait 10 "coturn" in_edge timeout 1 turnutils_stunclient -p 3478 127.0.1.20
	PEER=
	for _p in $(ip netns pids "$EDGE"); do
		[ "$(cat "/proc/$_p/comm")" != turnserver ] || PEER=$_p
	done
	[ -n "$PEER" ] || fail "coturn has no process"
}

# load WHO SHAPE FLOWS
load() {
	case $1 in
	ours) _at="--server 127.0.1.12:3478 --user $USER --password $PASS --pid $OURS" ;;
	peer) _at="--server 127.0.1.20:3478 --user bench --password bench --pid $PEER" ;;
	esac
	# shellcheck disable=SC2086
	in_edge timeout 120 taskset -c 0 relay_load $_at --shape "$2" \
		--client 127.0.3.1 --peer 127.0.4.9 --flows "$3" \
		>>"$LAB/$1-$2.txt" || fail "$1 $2: $(tail -3 "$LAB/$1-$2.txt")"
}

flows_of() {
	case $1 in
	real | spin) echo "$FLOWS" ;;
	many) echo 512 ;;
	hold) echo "$HOLD" ;;
	*) echo 16 ;;
	esac
}

coturn_up
for shape in $SHAPES; do
	runs=$RUNS
	[ "$shape" != hold ] || runs=1
	for _ in $(seq "$runs"); do
		for who in ours peer; do
			load "$who" "$shape" "$(flows_of "$shape")"
		done
	done
done

mkdir -p "$B/bench"
# shellcheck disable=SC2086
python3 - "$LAB" "$B/bench/relay.json" "$(turnserver --version 2>/dev/null |
	head -1)" $SHAPES <<'EOF2'
import json, statistics, sys
lab, out, version, shapes = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
figure = {"alloc": "us_per_cycle", "hold": "bytes_each"}
result = {"peer": "coturn " + version, "shapes": {}}
for shape in shapes:
    row = {}
    for who in ("ours", "peer"):
        runs = [json.loads(l) for l in open("%s/%s-%s.txt" % (lab, who, shape))]
        row[who] = {k: statistics.median(r[k] for r in runs)
                    for k in runs[0] if k != "shape"}
    key = figure.get(shape, "ns_per_packet")
    row["figure"] = key
    row["ratio"] = round(row["peer"][key] / row["ours"][key], 2) \
        if row["ours"][key] else None
    result["shapes"][shape] = row
    print("%-6s %-14s ours %10.1f  coturn %10.1f  ratio %s%s" % (
        shape, key, row["ours"][key], row["peer"][key], row["ratio"],
        "  delay %d/%d us, loss %.4f/%.4f %%" % (
            row["ours"]["delay_us"], row["peer"]["delay_us"],
            100 * row["ours"]["lost"], 100 * row["peer"]["lost"])
        if "delay_us" in row["ours"] else ""))
json.dump(result, open(out, "w"), indent=1)
EOF2
lab_ok "figures in $B/bench/relay.json"
