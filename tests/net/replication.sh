# For tests of replication: a publisher inside, an edge that was
# bootstrapped from a carried file, and curl as a foreign client of 4443.
# To be sourced after lib.sh.

# repl_setup: publisher.yaml, certificates, key; the edge knows cms.
repl_setup() {
	lab_cert cms internal-ca cms.int.contoso.test
	echo 10.0.0.77 cms.int.contoso.test >>"$LAB/hosts"
	cp "$LAB/hosts" "/etc/netns/$IN/hosts"
	cat >"$LAB/publisher.yaml" <<YAML
name: cms.int.contoso.test
certificate: {chain: $LAB/tls/cms.crt, key: $LAB/tls/cms.key}
trust: $LAB/tls/internal-ca.crt
record: {sqlite: $LAB/record.db}
signing: [{key: $LAB/signing.pem}]
state_dir: $LAB/publisher
hold: 0s
poll: 1s
YAML
	sed -i "s/^servers:/servers:\n  cms.int.contoso.test: [replication]/" \
		"$LAB/topology.yaml"
	repl_pub key generate >"$LAB/key.log" 2>&1 ||
		fail "publish key: $(cat "$LAB/key.log")"
}

# repl_pub ARGS...: edgectl publish inside.
repl_pub() {
	in_in edgectl publish "$@" --publisher "$LAB/publisher.yaml"
}

# repl_change SED-EXPRESSION: another topology.yaml.
repl_change() {
	sed -i "$1" "$LAB/topology.yaml"
}

# repl_bootstrap: the first bundle goes over by hand; the suite starts.
repl_bootstrap() {
	repl_pub "$LAB/topology.yaml" --no-wait --reason first \
		>"$LAB/publish.log" 2>&1 ||
		fail "publish: $(cat "$LAB/publish.log")"
	repl_pub export "$LAB/first.edgb" >"$LAB/export.log" 2>&1 ||
		fail "export: $(cat "$LAB/export.log")"
	lab_ctl replication bootstrap --trust "$LAB/trust.json" \
		"$LAB/first.edgb" >"$LAB/bootstrap.log" 2>&1 ||
		fail "bootstrap: $(cat "$LAB/bootstrap.log")"
	lab_spawn up ip netns exec "$EDGE" edgectl -c "$LAB/edge.yaml" up
	UP_PID=$SPAWNED
	lab_wait 20 "the suite to serve" repl_is_serving
}

repl_is_serving() {
	lab_ctl status --json >"$LAB/status.json" || return 1
	[ "$(grep -o '"serving"' "$LAB/status.json" | wc -l)" -ge 4 ]
}

# repl_curl CERTIFICATE ARGS... PATH: to port 4443 from inside.
repl_curl() {
	_cert=$1
	shift
	in_in curl -sS --max-time 20 --cacert "$LAB/tls/internal-ca.crt" \
		--cert "$LAB/tls/$_cert.crt" --key "$LAB/tls/$_cert.key" \
		--resolve edge.int.contoso.test:4443:10.0.0.10 "$@"
}
REPL_URL=https://edge.int.contoso.test:4443/replication/v1

# repl_status KEY: of the agent, over the bus.
repl_status() {
	lab_ctl replication status --json >"$LAB/repl.json" || true
	lab_json "$LAB/repl.json" "replica.$1"
}
