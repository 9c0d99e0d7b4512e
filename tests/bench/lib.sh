# One private network namespace, everything on its loopback: for soak runs
# and for comparisons, where both programs under test get the same machine.
# Uses the parts of the network lab; source it and call bench_setup.

. "$(dirname "$0")/../net/lib.sh"
. "$(dirname "$0")/cpu.sh"

# bench_setup: namespace $EDGE, certificates, edge.yaml, topology.yaml with
# SETTINGS_*; sip_load stands in for the inside on 127.0.2.20:5061.
bench_setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root for a network namespace"
	LAB=$(mktemp -d /tmp/sallyport-bench.XXXXXX)
	chmod 755 "$LAB"
	trap lab_teardown EXIT
	trap 'exit 1' INT TERM
	ip netns add "$EDGE"
	ip -n "$EDGE" link set lo up
	in_edge sysctl -qw net.ipv4.ip_local_port_range="10000 49999"
	lab_certs
	lab_files
	sed -i -e 's/: 10\.0\.0\.20/: 127.0.2.20/' "$LAB/edge.yaml"
	sed -i -e 's/10\.0\.0\.10/127.0.2.10/; s/198\.51\.100\.10/127.0.1.10/' \
		-e 's/198\.51\.100\.30/127.0.1.12/' "$LAB/topology.yaml"
	echo "lab: true" >>"$LAB/topology.yaml"
}

# bench_load EDGE-ADDR:PORT ARGUMENTS...: sip_load with the lab's files.
bench_load() {
	_edge=$1
	shift
	in_edge sip_load --edge "$_edge" --name sip.contoso.test \
		--ca "$LAB/tls/external-ca.crt" --inside 127.0.2.20:5061 \
		--cert "$LAB/tls/fe.crt" --key "$LAB/tls/fe.key" \
		--inside-ca "$LAB/tls/internal-ca.crt" "$@"
}

rss_kb() { awk '/^VmRSS/{print $2}' "/proc/$1/status"; }
fd_count() { ls "/proc/$1/fd" | wc -l; }
