# The web conference part of the lab: webconf-edge in the edge, a connector
# inside, its target beside it. Sourced after lib.sh.
#
# webconf_setup: as lab_setup, with the certificate and the topology of the
# web conference; SETTINGS_WEBCONF='pair_timeout: 1s' is laid over the
# defaults.

WC_URI=sip:board@contoso.test
WC_SOCKET=

webconf_setup() {
	lab_setup
	lab_cert webconf external-ca webcon.contoso.test
	lab_cert fe2 internal-ca fe2.int.contoso.test
	sed -i "s|^  internal: {chain|  external-webconf: {chain: $LAB/tls/webconf.crt, key: $LAB/tls/webconf.key}\n&|" \
		"$LAB/edge.yaml"
	webconf_topology fe.int.contoso.test
}

# webconf_topology SERVER...: those with the right webconf.
webconf_topology() {
	cat >"$LAB/topology.yaml" <<EOF
domains: [contoso.test]
edges:
  edge.int.contoso.test:
    next_hop: fe.int.contoso.test
    webconf: {name: webcon.contoso.test}
    machines:
      edge.int.contoso.test: {internal: 10.0.0.10, webconf: 198.51.100.20}
servers:
EOF
	# The next hop must be able to talk SIP to the edge in any case.
	case " $* " in *" fe.int.contoso.test "*) ;; *)
		echo "  fe.int.contoso.test: [sip]" >>"$LAB/topology.yaml" ;;
	esac
	for _s in "$@"; do
		case $_s in
		fe.int.*) echo "  $_s: [sip, webconf]" ;;
		*) echo "  $_s: [webconf]" ;;
		esac >>"$LAB/topology.yaml"
	done
	cat >>"$LAB/topology.yaml" <<EOF
settings:
  webconf-edge: {${SETTINGS_WEBCONF:-}}
EOF
}

webconf_is_serving() {
	lab_ctl status --json >"$LAB/status.json" || return 1
	grep -q '"serving"' "$LAB/status.json"
}

webconf_apply() {
	lab_ctl topology apply "$LAB/topology.yaml" >"$LAB/apply.log" 2>&1 ||
		fail "topology apply: $(cat "$LAB/apply.log")"
}

webconf_up() {
	webconf_apply
	lab_spawn up ip netns exec "$EDGE" edgectl -c "$LAB/edge.yaml" up
	UP_PID=$SPAWNED
	lab_wait 20 "webconf-edge to serve" webconf_is_serving
}

# webconf_connector NAME CERT TARGET [LINE...]: a connector inside, its
# files in $LAB/NAME; extra lines go into its configuration.
webconf_connector() {
	_n=$1
	_cert=$2
	_target=$3
	shift 3
	mkdir -p "$LAB/$_n"
	cat >"$LAB/$_n.yaml" <<EOF
edges: [edge.int.contoso.test:8057]
pool: fe.int.contoso.test
certificate: {chain: $LAB/tls/$_cert.crt, key: $LAB/tls/$_cert.key}
trust: $LAB/tls/internal-ca.crt
target: $_target
hosts: {edge.int.contoso.test: 10.0.0.10}
state_dir: $LAB/$_n/state
run_dir: $LAB/$_n
user: nobody
EOF
	for _line in "$@"; do
		echo "$_line" >>"$LAB/$_n.yaml"
	done
	lab_spawn "$_n" ip netns exec "$IN" webconf-connector -c "$LAB/$_n.yaml" \
		-l "${WC_LOG:-info}"
	WC_PID=$SPAWNED
	WC_SOCKET=$LAB/$_n/webconf-connector.admin.sock
}

# webconf_registered N: so many servers are registered and have warm slots.
webconf_has() {
	lab_ctl webconf servers --json >"$LAB/servers.json" || return 1
	[ "$(grep -o '"warm": *[1-9]' "$LAB/servers.json" | wc -l)" -ge "$1" ]
}
webconf_registered() {
	lab_wait 20 "$1 registered servers" webconf_has "$1"
}

# webconf_ticket FILE [OPTION...]
webconf_ticket() {
	_file=$1
	shift
	edgectl webconf ticket --connector "$WC_SOCKET" \
		--conference "$WC_URI" "$@" >"$_file" ||
		fail "no ticket: $(cat "$_file")"
}

# webconf_join NAME TICKET-FILE [OPTION...]: a local port outside
webconf_join() {
	_n=$1
	_t=$2
	shift 2
	lab_spawn "$_n" ip netns exec "$OUT" edgectl webconf join --ticket "@$_t" \
		--conference "$WC_URI" --edge 198.51.100.20:443 \
		--trust "$LAB/tls/external-ca.crt" \
		--listen "127.0.0.1:${WC_PORT:-8443}" "$@"
	JOIN_PID=$SPAWNED
	lab_wait 5 "the local port" grep -q listening "$LAB/$_n.log"
}

# webconf_test [OPTION...]: one synthetic participant
webconf_test() {
	in_out edgectl test webconf --conference "$WC_URI" \
		--connector "$WC_SOCKET" --edge 198.51.100.20:443 \
		--trust "$LAB/tls/external-ca.crt" "$@"
}

# webconf_counter NAME[{LABELS}]: its value, from /metrics of webconf-edge.
webconf_counter() {
	curl -s --unix-socket "$LAB/run/webconf-edge.sock" \
		http://edge/metrics |
		awk -v name="sallyport_webconf_edge_$1" '$1 == name {print $2}'
}
