# A second organisation beside the lab's own, and an Internet between them:
# the outside namespace forwards between two networks and has a name server.
#
#   contoso.test  edge 198.51.100.10 -+             +- 203.0.113.10 edge  fabrikam.test
#   inside 10.0.0.0/24                |  outside    |   av 203.0.113.30   inside 10.1.0.0/24
#                     198.51.100.1 ---+- (router) --+-- 203.0.113.1
#
# Source after lib.sh. partners_setup instead of lab_setup; then partners_dns
# (its lines are in $LAB/dns), lab_up, partners_up.

EDGE2=$LAB_ID-edge2
IN2=$LAB_ID-in2
LAB_MORE_NS="$EDGE2 $IN2"
UP2_PID=

in_edge2() { ip netns exec "$EDGE2" "$@"; }
in_in2() { ip netns exec "$IN2" "$@"; }

# What the second edge and its inside resolve.
partners_hosts() {
	cat <<EOF
127.0.0.1 localhost
203.0.113.10 sip.fabrikam.test
203.0.113.30 av.fabrikam.test
10.1.0.10 edge.int.fabrikam.test
10.1.0.20 fe.int.fabrikam.test
EOF
}

partners_netns() {
	for _ns in "$EDGE2" "$IN2"; do
		ip netns add "$_ns"
		ip -n "$_ns" link set lo up
		mkdir -p "/etc/netns/$_ns"
		partners_hosts >"/etc/netns/$_ns/hosts"
		: >"/etc/netns/$_ns/resolv.conf"
	done
	ip link add ext0 netns "$EDGE2" type veth peer name eth1 netns "$OUT"
	ip link add int0 netns "$EDGE2" type veth peer name eth0 netns "$IN2"
	ip -n "$OUT" addr add 198.51.100.1/24 dev eth0
	for _a in 1 77 78; do
		ip -n "$OUT" addr add 203.0.113.$_a/24 dev eth1
	done
	ip netns exec "$OUT" sysctl -qw net.ipv4.ip_forward=1
	for _a in 10 30; do
		ip -n "$EDGE2" addr add 203.0.113.$_a/24 dev ext0
	done
	ip -n "$EDGE2" addr add 10.1.0.10/24 dev int0
	for _a in 20 77; do
		ip -n "$IN2" addr add 10.1.0.$_a/24 dev eth0
	done
	ip -n "$OUT" link set eth1 up
	ip -n "$IN2" link set eth0 up
	ip -n "$EDGE2" link set ext0 up
	ip -n "$EDGE2" link set int0 up
	ip -n "$EDGE" route add default via 198.51.100.1
	ip -n "$EDGE2" route add default via 203.0.113.1
	in_edge2 sysctl -qw net.ipv4.ip_forward=0 \
		net.ipv4.ip_local_reserved_ports=50000-59999
}

# partners_files: of the second edge; SETTINGS2_ACCESS, SETTINGS2_AV and
# TOPOLOGY2_MORE as in lab_files.
partners_files() {
	mkdir -p "$LAB/b"
	cat >"$LAB/b/edge.yaml" <<EOF
machine: edge.int.fabrikam.test
certificates:
  external-sip: {chain: $LAB/tls/public2.crt, key: $LAB/tls/public2.key}
  internal: {chain: $LAB/tls/edge2.crt, key: $LAB/tls/edge2.key}
trust:
  internal: $LAB/tls/internal-ca2.crt
  external: $LAB/tls/external-ca.crt
resolver:
  external: [203.0.113.1]
  hosts:
    fe.int.fabrikam.test: 10.1.0.20
run_dir: $LAB/b/run
state_dir: $LAB/b/state
EOF
	cat >"$LAB/b/topology.yaml" <<EOF
domains: [fabrikam.test]
edges:
  edge.int.fabrikam.test:
    next_hop: fe.int.fabrikam.test
    access: {name: sip.fabrikam.test}
    av: {name: av.fabrikam.test}
    machines:
      edge.int.fabrikam.test:
        internal: 10.1.0.10
        access: 203.0.113.10
        av: 203.0.113.30
servers:
  fe.int.fabrikam.test: [sip, av-auth]
settings:
  access-edge: {allow_federated_users: true, allow_targets: [198.51.100.0/24, 203.0.113.0/24], ${SETTINGS2_ACCESS:-}}
  av-edge: {allow_peers: [198.51.100.0/24], ${SETTINGS2_AV:-}}
${TOPOLOGY2_MORE:-}
EOF
}

# What the world says of both; a test may put more into $LAB/dns.
partners_zone() {
	cat <<EOF
srv-host=_sipfederationtls._tcp.contoso.test,sip.contoso.test,5061
srv-host=_sipfederationtls._tcp.fabrikam.test,sip.fabrikam.test,5061
address=/sip.contoso.test/198.51.100.10
address=/sip.fabrikam.test/203.0.113.10
EOF
}

# partners_setup: both organisations, without their suites.
partners_setup() {
	RESOLVER_MORE='  external: [198.51.100.1]'
	SETTINGS_ACCESS="allow_federated_users: true, allow_targets: [198.51.100.0/24, 203.0.113.0/24], ${SETTINGS_ACCESS:-}"
	SETTINGS_AV="allow_peers: [203.0.113.0/24], ${SETTINGS_AV:-}"
	lab_setup
	partners_netns
	lab_ca internal-ca2
	lab_cert public2 external-ca sip.fabrikam.test
	lab_cert edge2 internal-ca2 edge.int.fabrikam.test
	lab_cert fe2 internal-ca2 fe.int.fabrikam.test
	partners_files
	partners_zone >"$LAB/dns"
}

# partners_dns: the name server that both edges ask, and one for those inside
# of the second organisation that do not read /etc/hosts (lab_dns is the same
# for the first).
partners_dns() {
	echo "nameserver 127.0.0.1" >"/etc/netns/$IN2/resolv.conf"
	lab_spawn dns-in2 in_in2 dnsmasq -k --conf-file=/dev/null \
		--no-resolv --no-hosts --addn-hosts="/etc/netns/$IN2/hosts" \
		--user=root --listen-address=127.0.0.1 --bind-interfaces \
		--pid-file --local=/test/
	lab_spawn dns in_out dnsmasq -k --conf-file="$LAB/dns" --no-resolv \
		--no-hosts --user=root --listen-address=198.51.100.1 \
		--listen-address=203.0.113.1 --bind-interfaces --pid-file \
		--local=/test/
	lab_wait 5 "the name server" in_out sh -c \
		"ss -Hlun 'sport = :53' | grep -q 203.0.113.1"
}

partners_ctl() {
	in_edge2 edgectl -c "$LAB/b/edge.yaml" "$@"
}

partners_is_serving() {
	partners_ctl status --json >"$LAB/b/status.json" || return 1
	[ "$(grep -o '"serving"' "$LAB/b/status.json" | wc -l)" -ge 3 ]
}

partners_up() {
	partners_ctl topology apply "$LAB/b/topology.yaml" \
		>"$LAB/b-apply.log" 2>&1 ||
		fail "topology apply: $(cat "$LAB/b-apply.log")"
	lab_spawn up2 in_edge2 edgectl -c "$LAB/b/edge.yaml" up
	UP2_PID=$SPAWNED
	lab_wait 20 "the second suite to serve" partners_is_serving
}

# kamailio_second: the variables of kamailio.sh for fabrikam.test.
kamailio_second() {
	KAM_DIR=kamailio2
	KAM_NS=in_in2
	KAM_DOMAIN=fabrikam.test
	KAM_IP=10.1.0.20
	KAM_NAME=fe.int.fabrikam.test
	KAM_CERT=fe2
	KAM_CA=internal-ca2
	KAM_EDGE_IP=10.1.0.10
	KAM_EDGE_NAME=edge.int.fabrikam.test
}

# partners_kamailio DOMAIN NAME: the variables of kamailio.sh for a plain SIP
# server as the partner: outside, 203.0.113.77, with a certificate for NAME.
partners_kamailio() {
	lab_cert "$2" external-ca "$2"
	KAM_DIR=kamailio2
	KAM_NS=in_out
	KAM_DOMAIN=$1
	KAM_IP=203.0.113.77
	KAM_NAME=$2
	KAM_CERT=$2
	KAM_CA=external-ca
	KAM_EDGE_IP=198.51.100.10
	KAM_EDGE_NAME=sip.contoso.test
}

# partners_call CALLER-NS PORT CALLEE HANGUP-NS PORT: alice and bob, both
# baresip, wherever they are. Every call counts for both.
partners_both() {
	[ "$(grep -c "$2" "$LAB/alice.log")" -ge "$1" ] &&
		[ "$(grep -c "$2" "$LAB/bob.log")" -ge "$1" ]
}
PARTNERS_CALLS=0
partners_call() {
	PARTNERS_CALLS=$((PARTNERS_CALLS + 1))
	baresip_ask "$1" "$2" dial "sip:$3" >/dev/null
	lab_wait 15 "call $PARTNERS_CALLS to be established" partners_both \
		"$PARTNERS_CALLS" 'Call established'
	sleep 1.5 # shorter ones have no duration in the log
	baresip_ask "$4" "$5" hangup >/dev/null
	lab_wait 10 "call $PARTNERS_CALLS to end on both sides" partners_both \
		"$PARTNERS_CALLS" 'terminated (duration'
	echo "call $PARTNERS_CALLS: there and gone on both sides"
}
