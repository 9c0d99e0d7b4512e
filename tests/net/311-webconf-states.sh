#!/bin/sh
# Every event in every state of a client, then at random: no leak, no
# cross-talk. A drain to its deadline, and a certificate that is swapped
# under a relay.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/webconf.sh"

# The servers of these tests do not always listen to PING.
SETTINGS_WEBCONF='heartbeat: 300s, handshake_timeout: 5s, hello_timeout: 5s, pair_timeout: 5s, slot_wait: 5s, max_pending_per_source: 1000, new_connections_per_source: 1000, max_relays: 2000, failed_ticket_limit: 100000'
webconf_setup
webconf_topology fe.int.contoso.test fe2.int.contoso.test
webconf_up
PID=$(lab_pid webconf-edge)
peers() { # PROGRAM CASE...
	_program=$1
	shift
	in_edge env PYTHONPATH=tests/net TMPDIR="$LAB" RUN="$LAB/run" \
		PYTHONDONTWRITEBYTECODE=1 \
		python3 "tests/net/$_program.py" "$LAB/tls" "$PID" "$@"
}
peers webconf_states matrix random || fail "see above"
[ "$(lab_pid webconf-edge)" = "$PID" ] || fail "webconf-edge was started again"
[ "$(webconf_counter clients_pending)" = 0 ] || fail "clients are left over"

# ---- a certificate that changes under a relay ------------------------------
mkfifo "$LAB/say"
(peers webconf_attack idle_relay <"$LAB/say" >"$LAB/heard" 2>&1) &
LAB_PIDS="$LAB_PIDS $!"
exec 9>"$LAB/say"
heard() { tail -n 1 "$LAB/heard" | grep -q "$1"; }
say() {
	echo >"$LAB/heard"
	echo "$1" >&9
	lab_wait 15 "$2" heard "$2"
}
lab_wait 10 "the relay" heard joined
serial() {
	in_out openssl s_client -connect 198.51.100.20:443 \
		-servername webcon.contoso.test </dev/null 2>/dev/null |
		openssl x509 -noout -serial
}
old=$(serial)
lab_cert webconf external-ca webcon.contoso.test
curl -s --unix-socket "$LAB/run/webconf-edge.admin.sock" -d '{}' \
	http://edge/v1/reload | grep -q '"certificates"' || fail "reload"
[ -n "$old" ] && [ "$(serial)" != "$old" ] || fail "the certificate stayed"
say ping pong
echo "a certificate was swapped, the relay goes on"

# ---- a drain to its deadline -----------------------------------------------
begin=$(date +%s%N)
lab_ctl drain webconf-edge --deadline 3 >/dev/null || fail "drain"
sleep 1
say ping pong
say cut cut
took=$((($(date +%s%N) - begin) / 1000000))
[ $took -ge 2900 ] || fail "cut after $took ms"
exec 9>&-
has_cause() {
	lab_ctl explain fe.int.contoso.test >"$LAB/story.txt" &&
		grep -q 'reason=drained' "$LAB/story.txt"
}
lab_wait 5 "the cause of the end" has_cause
lab_ctl status --json >"$LAB/status.json" || true
grep -q '"draining"' "$LAB/status.json" || fail "it drains no longer"
lab_ctl resume webconf-edge >/dev/null || fail "resume"
peers webconf_attack pairing >/dev/null || fail "no joins after a resume"
lab_ok "any event in any state"
