#!/bin/sh
# What a new topology takes from conferencing servers that are there (keys,
# ids, limits), a drain whose deadline meets a join, and strangers who crowd
# the servers' port.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/webconf.sh"

SETTINGS='heartbeat: 300s, handshake_timeout: 5s, hello_timeout: 5s, pair_timeout: 5s, slot_wait: 1s, max_pending_per_source: 1000, max_pending_servers: 64, new_connections_per_source: 1000'
SETTINGS_WEBCONF=$SETTINGS
webconf_setup
lab_cert fe-new internal-ca fe.int.contoso.test
for _host in $(seq 130 149); do
	ip -n "$EDGE" addr add "10.0.0.$_host/24" dev int0
done
webconf_topology fe.int.contoso.test fe2.int.contoso.test
webconf_up
PID=$(lab_pid webconf-edge)
in_edge env PYTHONPATH=tests/net TMPDIR="$LAB" RUN="$LAB/run" LAB="$LAB" \
	SETTINGS="$SETTINGS" PYTHONDONTWRITEBYTECODE=1 \
	python3 tests/net/webconf_trust.py "$LAB/tls" "$PID" pin_changes ids \
	limits drain_ends_pairing crowd || fail "see above"
[ "$(lab_pid webconf-edge)" = "$PID" ] || fail "webconf-edge was started again"
lab_ctl explain fe2.int.contoso.test >"$LAB/story.txt" || true
grep -q 'webconf_id of another server' "$LAB/story.txt" ||
	fail "explain: $(cat "$LAB/story.txt")"
lab_ok "what a topology takes away"
