# A fleet of edges on loopback addresses in one namespace: a publisher, and
# real agents, each with an address, run_dir and state_dir of its own. Source
# after lib.sh. The other daemons are not started unless a test does.

# fleet_setup: namespace $EDGE, $LAB, a CA, the publisher pub.int.test.
fleet_setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root for a network namespace"
	LAB=$(mktemp -d /tmp/sallyport-test.XXXXXX)
	chmod 755 "$LAB"
	trap lab_teardown EXIT
	trap 'exit 1' INT TERM
	ip netns add "$EDGE"
	ip -n "$EDGE" link set lo up
	mkdir "$LAB/tls" "$LAB/pub"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$LAB/tls/ca.key" -out "$LAB/tls/ca.crt" -days 2 \
		-subj /CN=fleet-ca 2>/dev/null
	fleet_cert pub pub.int.test
	fleet_publisher pub
}

# fleet_cert FILE NAME...: certificate and key with these names.
fleet_cert() {
	_file=$LAB/tls/$1
	shift
	_names=$(printf 'DNS:%s,' "$@")
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$_file.key" -out "$_file.csr" -subj "/CN=$1" \
		2>/dev/null
	printf 'subjectAltName=%s\n' "${_names%,}" >"$_file.ext"
	openssl x509 -req -in "$_file.csr" -CA "$LAB/tls/ca.crt" \
		-CAkey "$LAB/tls/ca.key" -set_serial "$(date +%s%N)" -days 2 \
		-extfile "$_file.ext" -out "$_file.crt" 2>/dev/null
	chmod 644 "$_file.key"
}

# fleet_publisher NAME [RECORD]: its publisher.yaml is $LAB/NAME.yaml
fleet_publisher() {
	mkdir -p "$LAB/$1"
	cat >"$LAB/$1.yaml" <<END
name: $1.int.test
certificate: {chain: $LAB/tls/$1.crt, key: $LAB/tls/$1.key}
trust: $LAB/tls/ca.crt
state_dir: $LAB/$1
signing: [{key: $LAB/pub/signing.pem}]
poll: ${FLEET_POLL:-2s}
hold: 0s
confirm: ${FLEET_CONFIRM:-10s}
pool_key_life: 0s
END
	[ -z "${2:-}" ] || echo "record: $2" >>"$LAB/$1.yaml"
}

# Nothing here takes longer; what does is broken.
fleet_ctl() { timeout 100 ip netns exec "$EDGE" edgectl "$@"; }
# pub VERB... of the first publisher
pub() {
	_verb=$1
	shift
	fleet_ctl publish "$_verb" --publisher "$LAB/pub.yaml" "$@"
}

# fleet_topology POOLS PER_POOL [NOTE]: $LAB/topology.yaml; NOTE changes it.
fleet_topology() {
	python3 - "$LAB" "$1" "$2" "${3:-}" <<'END'
import sys
lab, pools, per, note = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
o = ["lab: true", "domains: [fleet.test]", "edges:"]
n = 0
for p in range(1, pools + 1):
    o.append(f"  pool{p}.int.test:\n    next_hop: fe.int.test\n"
             f"    access: {{name: sip{p}.fleet.test}}\n"
             f"    av: {{name: av{p}.fleet.test}}\n    machines:")
    for m in range(per):
        n += 1
        a = f"{n // 250}.{n % 250 + 1}"
        o.append(f"      e{n}.int.test: {{internal: 127.2.{a}, "
                 f"access: 127.3.{a}, av: 127.4.{a}}}")
o.append("servers:\n  fe.int.test: [sip, av-auth]\n"
         "  pub.int.test: [replication]\n  pub2.int.test: [replication]")
if note:
    o.append(f"partners: {{fabrikam.test: {{edge: sip.fabrikam.test, note: {note}}}}}")
open(lab + "/topology.yaml", "w").write("\n".join(o) + "\n")
END
}

# fleet_edges COUNT: configuration and certificate of e1 .. eCOUNT, each of
# pool $FLEET_PER_POOL at a time.
fleet_edges() {
	_i=1
	while [ $_i -le "$1" ]; do
		_pool=$(((_i - 1) / ${FLEET_PER_POOL:-1} + 1))
		fleet_cert "e$_i" "e$_i.int.test" "pool$_pool.int.test"
		mkdir -p "$LAB/e$_i/run" "$LAB/e$_i/state"
		cat >"$LAB/e$_i.yaml" <<END
machine: e$_i.int.test
certificates:
  internal: {chain: $LAB/tls/e$_i.crt, key: $LAB/tls/e$_i.key}
trust: {internal: $LAB/tls/ca.crt}
run_dir: $LAB/e$_i/run
state_dir: $LAB/e$_i/state
END
		_i=$((_i + 1))
	done
}

# fleet_carry: the first bundle and trust.json, by hand to e1 .. eCOUNT.
fleet_carry() {
	pub export "$LAB/first.edgb" >"$LAB/export.log" ||
		fail "export: $(cat "$LAB/export.log")"
	_i=1
	while [ $_i -le "$1" ]; do
		fleet_ctl -c "$LAB/e$_i.yaml" replication bootstrap \
			--trust "$LAB/trust.json" "$LAB/first.edgb" \
			>"$LAB/bootstrap.log" 2>&1 ||
			fail "bootstrap e$_i: $(cat "$LAB/bootstrap.log")"
		_i=$((_i + 1))
	done
}

# fleet_agent I: start its agent.
fleet_agent() {
	lab_spawn "agent$1" ip netns exec "$EDGE" replication-agent \
		-c "$LAB/e$1.yaml"
	eval "AGENT_$1=$SPAWNED"
}
# All of e1 .. eCOUNT, until each listens.
fleet_agents() {
	_n=1
	while [ $_n -le "$1" ]; do
		fleet_agent $_n
		_n=$((_n + 1))
	done
	lab_wait 60 "$1 agents to listen" fleet_listens "$1"
}
fleet_listens() {
	[ "$(in_edge ss -Htln 'sport = :4443' | wc -l)" -ge "$1" ]
}

# fleet_field I KEY: of the agent's status on 4443, e.g. current.serial
fleet_field() {
	_ip=127.2.$(($1 / 250)).$(($1 % 250 + 1))
	in_edge curl -s --max-time 5 --cert "$LAB/tls/pub.crt" \
		--key "$LAB/tls/pub.key" --cacert "$LAB/tls/ca.crt" \
		--resolve "e$1.int.test:4443:$_ip" \
		"https://e$1.int.test:4443/replication/v1/status" \
		>"$LAB/field.json" || return 1
	lab_json "$LAB/field.json" "$2"
}
# fleet_is I KEY VALUE
fleet_is() { [ "$(fleet_field "$1" "$2")" = "$3" ]; }
# The newest version in the record, and its parts.
fleet_newest() {
	pub status --json >"$LAB/newest.json" || true
	lab_json "$LAB/newest.json" publication.version
}
