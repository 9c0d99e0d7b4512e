# Builds the lab that the tests of the whole suite run in: three network
# namespaces joined by veth pairs, nothing else reachable.
#
#   outside 198.51.100.0/24        edge (no forwarding)       inside 10.0.0.0/24
#   client  .77 ──────────────  .10 access  ┐
#                               .20 webconf ├ 10.0.0.10 ───── .20 front end
#                               .30 av      ┘                 .77 client
#
# A test sources this file, calls lab_setup, and says lab_ok at its end.
# Everything it made goes away when the shell ends, whatever happened.

set -eu

B=${B:-build}
TOP=$(cd "$(dirname "$0")/../.." && pwd)
cd "$TOP"
case $B in /*) ;; *) B=$TOP/$B ;; esac
PATH=$B/bin:/usr/sbin:/sbin:$PATH
export PATH

LAB_ID=sp$$
OUT=$LAB_ID-out
EDGE=$LAB_ID-edge
IN=$LAB_ID-in
HOME_NS=$LAB_ID-home
LAB=
LAB_PIDS=
UP_PID=

# Leak checks belong to the unit tests: a daemon ended by a signal has
# sessions left on purpose.
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0}"

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

# lab_plain: memory and time are measured on the plain build; sanitizers keep
# what was freed, and are slow. Before this file's commands are used.
lab_plain() {
	case $B in *asan* | *tsan*) ;; *) return 0 ;; esac
	PATH=$TOP/build/bin:$PATH
	B=$TOP/build
	# one at a time: there are several who want it
	flock "$TOP/tests/net/lib.sh" make -s B=build SAN= programs ||
		fail "could not build the plain programs"
}

# lab_ok TEXT: the last line of a test that passed.
lab_ok() {
	[ -z "${VALGRIND:-}" ] || lab_valgrind_clean
	echo "ok: $*"
}

in_out() { ip netns exec "$OUT" "$@"; }
in_edge() { ip netns exec "$EDGE" "$@"; }
in_in() { ip netns exec "$IN" "$@"; }
in_home() { ip netns exec "$HOME_NS" "$@"; }

# lab_spawn NAME COMMAND...: in the background, output in $LAB/NAME.log; its
# pid in $SPAWNED. Ended by lab_teardown.
lab_spawn() {
	_name=$1
	shift
	"$@" >"$LAB/$_name.log" 2>&1 &
	SPAWNED=$!
	LAB_PIDS="$LAB_PIDS $SPAWNED"
}

# lab_wait SECONDS WHAT COMMAND...: until the command succeeds; so long on a
# machine that has nothing else to do, PATIENCE times as long on any other.
PATIENCE=${PATIENCE:-6}
lab_wait() {
	_seconds=$(($1 * PATIENCE))
	_until=$(($(date +%s) + _seconds))
	_what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$_until" ] ||
			fail "waited $_seconds s in vain for $_what"
		sleep 0.1
	done
}

# lab_listens NS-COMMAND PORT...: until something there listens to each, over
# TCP or UDP: lab_listens in_in 8080
lab_listens() {
	_in=$1
	shift
	for _port in "$@"; do
		lab_wait 10 "a listener at port $_port" "$_in" sh -c \
			"ss -Hltun 'sport = :$_port' | grep -q ."
	done
}

lab_end() {
	[ -n "${1:-}" ] || return 0
	kill "$1" 2>/dev/null || return 0
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 \
		21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40; do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -9 "$1" 2>/dev/null || true
}

lab_teardown() {
	_status=$?
	trap - EXIT INT TERM
	for _pid in $LAB_PIDS; do
		lab_end "$_pid"
	done
	for _ns in "$OUT" "$EDGE" "$IN" "$HOME_NS" ${LAB_MORE_NS:-}; do
		for _pid in $(ip netns pids "$_ns" 2>/dev/null); do
			kill -9 "$_pid" 2>/dev/null || true
		done
		ip netns del "$_ns" 2>/dev/null || true
		rm -rf "/etc/netns/$_ns"
	done
	if [ "$_status" -ne 0 ] && [ "$_status" -ne 77 ] && [ -n "$LAB" ]; then
		for _log in "$LAB"/*.log; do
			[ -f "$_log" ] || continue
			echo "--- $(basename "$_log")"
			tail -n "${TAIL:-60}" "$_log"
		done
	fi
	[ -z "$LAB" ] || [ -n "${KEEP:-}" ] || rm -rf "$LAB"
	exit "$_status"
}

lab_netns() {
	for _ns in "$OUT" "$EDGE" "$IN"; do
		ip netns add "$_ns"
		ip -n "$_ns" link set lo up
		mkdir -p "/etc/netns/$_ns"
		cp "$LAB/hosts" "/etc/netns/$_ns/hosts"
		: >"/etc/netns/$_ns/resolv.conf"
	done
	ip link add ext0 netns "$EDGE" type veth peer name eth0 netns "$OUT"
	ip link add int0 netns "$EDGE" type veth peer name eth0 netns "$IN"
	for _a in 77 78 79; do
		ip -n "$OUT" addr add 198.51.100.$_a/24 dev eth0
		ip -n "$IN" addr add 10.0.0.$_a/24 dev eth0
	done
	ip -n "$IN" addr add 10.0.0.20/24 dev eth0
	for _a in 10 20 30; do
		ip -n "$EDGE" addr add 198.51.100.$_a/24 dev ext0
	done
	ip -n "$EDGE" addr add 10.0.0.10/24 dev int0
	ip -n "$OUT" link set eth0 up
	ip -n "$IN" link set eth0 up
	ip -n "$EDGE" link set ext0 up
	ip -n "$EDGE" link set int0 up
	in_edge sysctl -qw net.ipv4.ip_forward=0 \
		net.ipv4.ip_local_reserved_ports=50000-59999
}

# lab_home: a fourth namespace, 192.168.77.2, behind a NAT that hides it as
# 198.51.100.78 outside and gives every flow another port.
lab_home() {
	ip netns add "$HOME_NS"
	ip -n "$HOME_NS" link set lo up
	mkdir -p "/etc/netns/$HOME_NS"
	cp "$LAB/hosts" "/etc/netns/$HOME_NS/hosts"
	: >"/etc/netns/$HOME_NS/resolv.conf"
	ip link add home0 netns "$OUT" type veth peer name eth0 netns "$HOME_NS"
	ip -n "$OUT" addr add 192.168.77.1/24 dev home0
	ip -n "$OUT" link set home0 up
	ip -n "$HOME_NS" addr add 192.168.77.2/24 dev eth0
	ip -n "$HOME_NS" link set eth0 up
	ip -n "$HOME_NS" route add default via 192.168.77.1
	in_out sysctl -qw net.ipv4.ip_forward=1
	in_out nft -f - <<'EOF'
table ip home {
	chain post {
		type nat hook postrouting priority srcnat;
		ip saddr 192.168.77.0/24 meta l4proto { tcp, udp } snat to 198.51.100.78:20000-40000 random
	}
}
EOF
}

# lab_cert NAME CA DNS-NAME...: $LAB/tls/NAME.{crt,key}, signed by CA.
lab_cert() {
	_n=$1
	_ca=$2
	shift 2
	_san=
	for _d in "$@"; do
		_san="$_san${_san:+,}DNS:$_d"
	done
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 30 -subj "/CN=$1" -addext "subjectAltName=$_san" \
		-addext "basicConstraints=critical,CA:FALSE" \
		-CA "$LAB/tls/$_ca.crt" -CAkey "$LAB/tls/$_ca.key" \
		-keyout "$LAB/tls/$_n.key" -out "$LAB/tls/$_n.crt" 2>/dev/null ||
		fail "could not make certificate $_n"
	chmod 644 "$LAB/tls/$_n.key" # the daemons' users read it in this lab
}

lab_ca() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 30 -subj "/CN=Sallyport test $1" \
		-addext "keyUsage=critical,keyCertSign,cRLSign" \
		-keyout "$LAB/tls/$1.key" -out "$LAB/tls/$1.crt" 2>/dev/null ||
		fail "could not make CA $1"
}

lab_certs() {
	mkdir -p "$LAB/tls"
	lab_ca internal-ca
	lab_ca external-ca
	lab_ca foreign-ca
	lab_cert public external-ca sip.contoso.test webcon.contoso.test
	lab_cert edge internal-ca edge.int.contoso.test
	lab_cert fe internal-ca fe.int.contoso.test
	lab_cert stranger internal-ca stranger.int.contoso.test
	lab_cert forged foreign-ca fe.int.contoso.test
}

# lab_files: edge.yaml and topology.yaml; SETTINGS_ACCESS and so on, e.g.
# SETTINGS_ACCESS='flow_timer: 2s', are laid over the defaults; RESOLVER_MORE
# and TOPOLOGY_MORE are whole lines.
lab_files() {
	cat >"$LAB/edge.yaml" <<EOF
machine: edge.int.contoso.test
certificates:
  external-sip: {chain: $LAB/tls/public.crt, key: $LAB/tls/public.key}
  internal: {chain: $LAB/tls/edge.crt, key: $LAB/tls/edge.key}
trust:
  internal: $LAB/tls/internal-ca.crt
  external: $LAB/tls/external-ca.crt
resolver:
  hosts:
    fe.int.contoso.test: 10.0.0.20
${RESOLVER_MORE:-}
run_dir: $LAB/run
state_dir: $LAB/state
EOF
	cat >"$LAB/topology.yaml" <<EOF
domains: [contoso.test]
edges:
  edge.int.contoso.test:
    next_hop: fe.int.contoso.test
    access: {name: sip.contoso.test}
    av: {name: av.contoso.test}
    machines:
      edge.int.contoso.test:
        internal: 10.0.0.10
        access: 198.51.100.10
        av: ${AV_ADDRESS:-198.51.100.30}
servers:
  fe.int.contoso.test: [sip, av-auth]
settings:
  access-edge: {${SETTINGS_ACCESS:-}}
  av-auth: {${SETTINGS_AUTH:-}}
  av-edge: {${SETTINGS_AV:-}}
${TOPOLOGY_MORE:-}
EOF
}

# lab_valgrind: with VALGRIND=1 the daemons run under valgrind; what it finds
# fails the test. The supervisor looks for programs beside its own.
lab_valgrind() {
	mkdir -p "$LAB/vg"
	cp "$B/bin/edgectl" "$LAB/vg/"
	for _d in access-edge av-auth av-edge webconf-edge webconf-connector; do
		cat >"$LAB/vg/$_d" <<EOF
#!/bin/sh
exec /usr/bin/valgrind -q --vgdb=no --leak-check=full --show-leak-kinds=definite \\
	--suppressions=$TOP/tests/valgrind.supp \\
	--log-file=$LAB/vg-$_d.%p.log $B/bin/$_d "\$@"
EOF
		chmod 755 "$LAB/vg/$_d"
	done
	PATH=$LAB/vg:$PATH
}

# lab_valgrind_clean: nothing was found.
lab_valgrind_clean() {
	[ -n "$UP_PID" ] || return 0
	lab_end "$UP_PID"
	# Lines of findings start with ==; valgrind does not know the Landlock
	# calls and says so in other lines.
	for _log in "$LAB"/vg-*.log; do
		! grep -q '^==' "$_log" || fail "valgrind: $(basename "$_log")"
	done
	echo "valgrind: nothing found"
}

# lab_setup: everything but the suite itself.
lab_setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root for network namespaces"
	LAB=$(mktemp -d /tmp/sallyport-test.XXXXXX)
	chmod 755 "$LAB"
	trap lab_teardown EXIT
	trap 'exit 1' INT TERM
	cat >"$LAB/hosts" <<EOF
127.0.0.1 localhost
198.51.100.10 sip.contoso.test
198.51.100.20 webcon.contoso.test
198.51.100.30 av.contoso.test
10.0.0.10 edge.int.contoso.test
10.0.0.20 fe.int.contoso.test
EOF
	[ -z "${VALGRIND:-}" ] || lab_valgrind
	lab_netns
	lab_certs
	lab_files
}

# lab_dns: a name server on loopback outside and inside (and in the namespaces
# of LAB_DNS_NS), for peers that do not read /etc/hosts.
lab_dns() {
	for _ns in "$OUT" "$IN" "$HOME_NS" ${LAB_DNS_NS:-}; do
		[ -d "/etc/netns/$_ns" ] || continue
		echo "nameserver 127.0.0.1" >"/etc/netns/$_ns/resolv.conf"
		lab_spawn "dns-$_ns" ip netns exec "$_ns" dnsmasq -k --conf-file=/dev/null \
			--no-resolv --no-hosts --addn-hosts="$LAB/hosts" --user=root \
			--listen-address=127.0.0.1 --bind-interfaces --pid-file \
			--srv-host=_sips._tcp.contoso.test,fe.int.contoso.test,5061 \
			--local=/contoso.test/
		lab_wait 10 "a name server" ip netns exec "$_ns" sh -c \
			"ss -Hlun 'sport = :53' | grep -q ."
	done
}

lab_ctl() {
	in_edge edgectl -c "$LAB/edge.yaml" "$@"
}

# A file with this password: commands take none from their arguments.
lab_secret() {
	printf '%s\n' "$1" >"$LAB/secret-$1"
	echo "$LAB/secret-$1"
}

lab_is_serving() {
	lab_ctl status --json >"$LAB/status.json" || return 1
	[ "$(grep -o '"serving"' "$LAB/status.json" | wc -l)" -ge 3 ]
}

# lab_up: apply the topology and start the suite under `edgectl up`.
lab_up() {
	lab_ctl topology apply "$LAB/topology.yaml" >"$LAB/apply.log" 2>&1 ||
		fail "topology apply: $(cat "$LAB/apply.log")"
	lab_spawn up in_edge edgectl -c "$LAB/edge.yaml" up
	UP_PID=$SPAWNED
	lab_wait 20 "the suite to serve" lab_is_serving
}

# lab_pid DAEMON
lab_pid() {
	lab_ctl status --json | python3 -c '
import json, sys
def walk(o):
    if isinstance(o, dict):
        if o.get("daemon") == sys.argv[1] and "pid" in o:
            print(o["pid"]); sys.exit(0)
        o = list(o.values())
    if isinstance(o, list):
        for v in o: walk(v)
walk(json.load(sys.stdin)); sys.exit(1)' "$1"
}

# lab_json FILE PATH: a value by a dotted path.
lab_json() {
	python3 -c '
import json, sys
v = json.load(open(sys.argv[1]))
for k in sys.argv[2].split("."):
    v = v[int(k)] if isinstance(v, list) else v[k]
print(v if not isinstance(v, bool) else str(v).lower())' "$1" "$2"
}
