#!/bin/sh
# make bench-sip: CPU per call and per REGISTER, memory per idle connection,
# access-edge against Kamailio as a TLS proxy with Record-Route, one worker
# each, same load, same cores, in one run; and CPU per relay credential,
# av-auth against Kamailio that says 200 to the same SERVICE. Median of RUNS
# (3) each, in turn.
# Writes build/bench/sip.json.
SETTINGS_ACCESS='max_transactions_per_client: 65536, max_transactions: 262144, max_connections_per_source: 10000, max_connections: 20000, new_connections_per_source: 10000, client_rate: 100000, client_burst: 100000, failed_logon_limit: 1000, pre_auth_time: 10m'
SETTINGS_AUTH='credential_rate: 100000'
. "$(dirname "$0")/lib.sh"

RUNS=${RUNS:-3}
CALLS=${CALLS:-6000}
REGISTERS=${REGISTERS:-12000}
IDLE=${IDLE:-2000}
SERVICES=${SERVICES:-20000}
bench_setup
lab_up

kamailio_proxy() {
	mkdir -p "$LAB/kamailio"
	cat >"$LAB/kamailio/tls.cfg" <<EOF
[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
private_key = $LAB/tls/public.key
certificate = $LAB/tls/public.crt
ca_list = $LAB/tls/external-ca.crt
[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = $LAB/tls/edge.key
certificate = $LAB/tls/edge.crt
ca_list = $LAB/tls/internal-ca.crt
EOF
	cat >"$LAB/kamailio/kamailio.cfg" <<EOF
#!KAMAILIO
debug=0
log_stderror=yes
fork=yes
children=1
tcp_children=1
enable_tls=yes
tcp_connection_lifetime=3605
tcp_max_connections=20000
tls_max_connections=20000
listen=tls:127.0.1.20:443
listen=tls:127.0.2.21:5062
loadmodule "tls.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "sanity.so"
modparam("tls", "config", "$LAB/kamailio/tls.cfg")
modparam("rr", "enable_double_rr", 0)
request_route {
	if (!mf_process_maxfwd_header("70")) {
		sl_send_reply("483", "Too Many Hops");
		exit;
	}
	if (!sanity_check()) exit;
	if (is_method("SERVICE")) {
		sl_send_reply("200", "OK");
		exit;
	}
	if (has_totag()) {
		loose_route();
		t_relay();
		exit;
	}
	if (!is_method("REGISTER")) record_route();
	\$du = "sip:127.0.2.20:5061;transport=tls";
	t_relay();
}
EOF
	lab_spawn kamailio in_edge kamailio -DD -E -m 512 -M 32 \
		-f "$LAB/kamailio/kamailio.cfg" -P "$LAB/kamailio/pid" \
		-Y "$LAB/kamailio"
	KAMAILIO=$SPAWNED
	lab_wait 10 "Kamailio" in_edge sh -c \
		'ss -Htln "sport = :443" | grep -q 127.0.1.20'
}
kamailio_proxy
# All of Kamailio's processes count, as they share the work.
kamailio_pids() { ip netns pids "$EDGE" | while read -r p; do
	[ "$(cat "/proc/$p/comm" 2>/dev/null)" = kamailio ] && echo "$p"
done; }

# one SHAPE COUNT NAME ADDR PIDS: nanoseconds of CPU per call or REGISTER
one() {
	_t0=$(cpu_us $5)
	bench_load "$4" --bind 127.0.3.1:0 --clients 8 --cycles "$2" \
		--one-way --only "$1" >"$LAB/load.json" ||
		fail "$3: $1: $(cat "$LAB/load.json")"
	_t1=$(cpu_us $5)
	echo "$3 $(((_t1 - _t0) * 1000 / $2))"
}
# shape SHAPE COUNT: both in turn, after one unmeasured round
shape() {
	one "$1" "$2" warm-up 127.0.1.10:443 "$OURS" >/dev/null
	one "$1" "$2" warm-up 127.0.1.20:443 "$PEER" >/dev/null
	_i=0
	while [ $_i -lt "$RUNS" ]; do
		one "$1" "$2" ours 127.0.1.10:443 "$OURS"
		one "$1" "$2" peer 127.0.1.20:443 "$PEER"
		_i=$((_i + 1))
	done
}

OURS=$(lab_pid access-edge)
PEER=$(kamailio_pids)
pss_kb() {
	python3 - "$@" <<'EOF'
import sys
kb = 0
for pid in sys.argv[1:]:
    for line in open("/proc/%s/smaps_rollup" % pid):
        if line.startswith("Pss:"):
            kb += int(line.split()[1])
print(kb)
EOF
}
# Memory comes first: later the heap has room left over from the calls.
# idle NAME ADDR PIDS: bytes per idle TLS connection
idle() {
	_before=$(pss_kb $3)
	in_edge python3 - "$2" "$IDLE" "$LAB/tls/external-ca.crt" \
		"$LAB/held" <<'EOF' &
import socket, ssl, sys, time
host, port = sys.argv[1].split(":")
c = ssl.create_default_context(cafile=sys.argv[3])
held = []
for i in range(int(sys.argv[2])):
    raw = socket.create_connection((host, int(port)), 10,
                                   ("127.0.3.%d" % (1 + i % 8), 0))
    s = c.wrap_socket(raw, server_hostname="sip.contoso.test")
    held.append(s)
open(sys.argv[4], "w").close()
time.sleep(6)
EOF
	_holder=$!
	lab_wait 120 "idle connections at $1" test -f "$LAB/held"
	sleep 2
	_after=$(pss_kb $3)
	rm -f "$LAB/held"
	wait $_holder
	echo "$1 $(((_after - _before) * 1024 / IDLE))"
}
{
	idle ours 127.0.1.10:443 "$OURS"
	idle peer 127.0.1.20:443 "$PEER"
} >"$LAB/idle"

shape register "$REGISTERS" >"$LAB/registers"
shape call "$CALLS" >"$LAB/calls"

# service NAME ADDR SERVER-NAME CA PIDS: nanoseconds of CPU per credential
service() {
	_t0=$(cpu_us $5)
	in_edge python3 tests/bench/service_load.py "$2" "$3" "$4" \
		"$LAB/tls/fe.crt" "$LAB/tls/fe.key" "$SERVICES" \
		>"$LAB/load.txt" || fail "$1: SERVICE"
	_t1=$(cpu_us $5)
	echo "$1 $(((_t1 - _t0) * 1000 / SERVICES))"
}
AUTH=$(lab_pid av-auth)
# Once before, unmeasured; the name in Kamailio's certificate is another one.
service_ours() {
	service "$1" 127.0.2.10:5062 edge.int.contoso.test \
		"$LAB/tls/internal-ca.crt" "$AUTH"
}
service_peer() {
	service "$1" 127.0.2.21:5062 sip.contoso.test \
		"$LAB/tls/external-ca.crt" "$PEER"
}
service_ours warm-up >/dev/null
service_peer warm-up >/dev/null
i=0
while [ $i -lt "$RUNS" ]; do
	service_ours ours
	service_peer peer
	i=$((i + 1))
done >"$LAB/services"

for s in idle registers calls services; do
	echo "$s: $(tr '\n' ' ' <"$LAB/$s")"
done
mkdir -p "$TOP/build/bench"
python3 - "$LAB" "$TOP/build/bench/sip.json" <<'EOF'
import json, statistics, sys
def shape(name, unit, scale):
    rows = {"ours": [], "peer": []}
    for line in open("%s/%s" % (sys.argv[1], name)):
        who, value = line.split()
        rows[who].append(float(value) / scale)
    ours, peer = (statistics.median(rows[who]) for who in ("ours", "peer"))
    return {"unit": unit, "ours": ours, "peer": peer,
            "ratio": round(ours / peer, 3)}
out = {"peer": "Kamailio 5.6 (Debian 12), one TCP worker", "shapes": {
    "call": shape("calls", "us CPU per call", 1000),
    "register": shape("registers", "us CPU per REGISTER", 1000),
    "idle": shape("idle", "bytes per idle TLS connection", 1),
    "service": shape("services",
                     "us CPU per SERVICE over a kept connection", 1000)}}
json.dump(out, open(sys.argv[2], "w"), indent=1)
print(json.dumps(out, indent=1))
EOF
lab_ok "bench-sip"
