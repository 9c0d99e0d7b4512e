#!/bin/sh
# make bench-webconf: webconf-edge against HAProxy as a TLS to TLS proxy on
# one thread, same load, same cores, in one run: CPU per GB both ways,
# connections set up per second of CPU, memory per idle pair, added latency;
# and the time of a join at 200 joins/s. Median of RUNS (3) each, in turn.
# HAProxy dials inwards and checks no ticket: two things webconf-edge is
# there to do otherwise. Writes build/bench/webconf.json.
. "$(dirname "$0")/webconf_lab.sh"

command -v haproxy >/dev/null || skip "needs haproxy"
RUNS=${RUNS:-3}
MB=${MB:-128}
PAIRS=${PAIRS:-8}
JOINS=${JOINS:-2000}
IDLE=${IDLE:-5000}
webconf_up "${SETTINGS_WEBCONF:-$WEBCONF_WIDE}"
OURS=$(lab_pid webconf-edge)

cat "$LAB/tls/webconf.crt" "$LAB/tls/webconf.key" >"$LAB/tls/webconf.pem"
cat "$LAB/tls/edge.crt" "$LAB/tls/edge.key" >"$LAB/tls/edge.pem"
cat >"$LAB/haproxy.cfg" <<EOF
global
	nbthread 1
	maxconn 9000
	ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
	mode tcp
	timeout connect 10s
	timeout client 1h
	timeout server 1h
frontend outside
	bind 127.0.1.20:443 ssl crt $LAB/tls/webconf.pem
	default_backend inside
backend inside
	server fe 127.0.2.20:8058 ssl crt $LAB/tls/edge.pem ca-file $LAB/tls/internal-ca.crt verify required verifyhost fe.int.contoso.test
EOF
lab_spawn haproxy ip netns exec "$EDGE" haproxy -db -f "$LAB/haproxy.cfg"
lab_wait 10 "HAProxy" in_edge sh -c 'ss -Htln "sport = :443" | grep -q 127.0.1.20'
for p in $(ip netns pids "$EDGE"); do
	[ "$(cat "/proc/$p/comm")" = haproxy ] && PEER=$p
done

# load ours|peer OPTION...: the figures in $LAB/load.json
load() {
	if [ "$1" = ours ]; then
		_way="127.0.1.11:443 127.0.2.10:8057"
	else
		_way="127.0.1.20:443 127.0.2.20:8058 --plain"
	fi
	shift
	# shellcheck disable=SC2086
	webconf_load $_way "$@" >"$LAB/load.json" 2>"$LAB/load.err" ||
		fail "load: $(cat "$LAB/load.json" "$LAB/load.err")"
}
pid_of() { [ "$1" = ours ] && echo "$OURS" || echo "$PEER"; }
pss() { awk '/^Pss:/{print $2 * 1024}' "/proc/$1/smaps_rollup"; }
# say SHAPE WHO VALUE
say() { echo "$1 $2 $3" | tee -a "$LAB/runs"; }

gb() { # WHO WAY
	_p=$(pid_of "$1")
	_t0=$(cpu_us "$_p")
	load "$1" --pairs "$PAIRS" --mb "$MB" --way "$2"
	_t1=$(cpu_us "$_p")
	say "gb_$2" "$1" $(((_t1 - _t0) * 1024 / (PAIRS * MB)))
}
joins() {
	_p=$(pid_of "$1")
	_t0=$(cpu_us "$_p")
	load "$1" --pairs "$JOINS" --limit 8
	_t1=$(cpu_us "$_p")
	say setup "$1" $(((_t1 - _t0) * 1000 / JOINS))
}
latency() {
	load "$1" --pairs 20 --pings 500 --limit 20
	say latency "$1" "$(lab_json "$LAB/load.json" ping.p99_us)"
}
# Memory comes first: later the heap has room left over.
idle() {
	_p=$(pid_of "$1")
	_before=$(pss "$_p")
	load "$1" --pairs "$IDLE" --limit 16 --hold "$LAB/held" &
	_load=$!
	lab_wait 240 "$IDLE pairs" test -f "$LAB/held"
	sleep 3
	_after=$(pss "$_p")
	[ "$1" = peer ] || keep_all
	rm -f "$LAB/held"
	wait $_load || fail "idle pairs: $(cat "$LAB/load.err")"
	say idle "$1" $(((_after - _before) / IDLE))
	sleep 1
}
# All of them live through the start of a drain.
keep_all() {
	lab_ctl drain webconf-edge --deadline 600 >/dev/null || fail "drain"
	sleep 2
	_n=$(webconf_relays)
	[ "$_n" = "$IDLE" ] || fail "$_n of $IDLE relays live in a drain"
	lab_ctl resume webconf-edge >/dev/null || fail "resume"
}
idle ours
idle peer
i=0
while [ $i -lt "$RUNS" ]; do
	for who in ours peer; do
		gb $who D
		gb $who U
		joins $who
		latency $who
	done
	i=$((i + 1))
done
# 200 joins a second from eight addresses, measured after the first ten
# seconds, with every limit as it comes
sed -i 's/^  webconf-edge: .*/  webconf-edge: {max_relays: 9000}/' \
	"$LAB/topology.yaml"
webconf_apply
load ours --pairs 5000 --rate 200 --skip 10 --warm 256
say join_p99 ours "$(lab_json "$LAB/load.json" join.p99_us)"

mkdir -p "$TOP/build/bench"
python3 - "$LAB/runs" "$TOP/build/bench/webconf.json" <<'EOF'
import json, statistics, sys
rows = {}
for line in open(sys.argv[1]):
    shape, who, value = line.split()
    rows.setdefault(shape, {}).setdefault(who, []).append(float(value))
UNITS = {"gb_D": "us CPU per GB from inside to outside",
         "gb_U": "us CPU per GB from outside to inside",
         "setup": "ns CPU per connection set up",
         "idle": "bytes per idle pair",
         "latency": "us, p99 of a round trip of 64 bytes",
         "join_p99": "us, p99 of TLS, hello, ticket and pairing at 200/s"}
out = {"peer": "HAProxy 2.6 (Debian 12), TLS to TLS, one thread; it dials "
               "inwards and checks no ticket", "shapes": {}}
gb = {w: [a + b for a, b in zip(rows["gb_D"][w], rows["gb_U"][w])]
      for w in ("ours", "peer")}
rows["gb"] = gb
UNITS["gb"] = "us CPU per GB each way"
for shape, by in rows.items():
    row = {"unit": UNITS[shape]}
    for who, values in by.items():
        row[who] = statistics.median(values)
    if "peer" in row:
        row["ratio"] = round(row["ours"] / row["peer"], 3)
    out["shapes"][shape] = row
json.dump(out, open(sys.argv[2], "w"), indent=1)
print(json.dumps(out, indent=1))
EOF
lab_ok "bench-webconf"
