# webconf-edge alone in the bench's namespace, and the load on it. Source it
# in the place of lib.sh and call webconf_up.

. "$(dirname "$0")/lib.sh"

# Far beyond what one host's load runs into.
WEBCONF_WIDE='max_pending_per_source: 2000, new_connections_per_source: 100000, new_connections: 100000, max_relays: 9000, max_warm: 512, max_pending_servers: 10000'

# webconf_up SETTINGS: the edge serves, 127.0.1.11:443 outside and
# 127.0.2.10:8057 inside.
webconf_up() {
	bench_setup
	lab_cert webconf external-ca webcon.contoso.test
	sed -i "s|^  internal: {chain|  external-webconf: {chain: $LAB/tls/webconf.crt, key: $LAB/tls/webconf.key}\n&|" \
		"$LAB/edge.yaml"
	cat >"$LAB/topology.yaml" <<END
domains: [contoso.test]
edges:
  edge.int.contoso.test:
    next_hop: fe.int.contoso.test
    webconf: {name: webcon.contoso.test}
    machines:
      edge.int.contoso.test: {internal: 127.0.2.10, webconf: 127.0.1.11}
servers:
  fe.int.contoso.test: [sip, webconf]
settings:
  webconf-edge: {$1}
lab: true
END
	webconf_apply
	lab_spawn up in_edge edgectl -c "$LAB/edge.yaml" up
	lab_wait 20 "webconf-edge" webconf_serves
}
webconf_apply() {
	lab_ctl topology apply "$LAB/topology.yaml" >"$LAB/apply.log" 2>&1 ||
		fail "topology apply: $(cat "$LAB/apply.log")"
}
webconf_serves() {
	lab_ctl status --json >"$LAB/status.json" &&
		grep -q '"serving"' "$LAB/status.json"
}
webconf_relays() {
	lab_ctl webconf relays --json >"$LAB/relays.json" &&
		lab_json "$LAB/relays.json" count
}

# webconf_load EDGE INSIDE OPTION...: clients and the server of both ends
webconf_load() {
	_edge=$1 _inside=$2
	shift 2
	in_edge webconf_load --edge "$_edge" --inside "$_inside" \
		--name webcon.contoso.test --ca "$LAB/tls/external-ca.crt" \
		--cert "$LAB/tls/fe.crt" --key "$LAB/tls/fe.key" \
		--inside-ca "$LAB/tls/internal-ca.crt" "$@"
}
