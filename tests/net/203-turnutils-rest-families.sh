#!/bin/sh
# coturn's clients again: credentials from a shared secret (none, one, two,
# the other one), and both families: clients on IPv4 and IPv6, relays and
# peers of either (R17). An IPv6 peer that a translator leads inside with (T3).
. "$(dirname "$0")/lib.sh"

AV_ADDRESS='[198.51.100.30, "2a00:77::30"]'
SETTINGS_AV='allow_peers: [198.51.100.78], nat64_prefixes: ["2a00:64::/96"]'
lab_setup
# Addresses of documentation are special to the peer policy: these are not.
ip -n "$EDGE" addr add 2a00:77::30/64 dev ext0 nodad
for _a in 77 78; do
	ip -n "$OUT" addr add 2a00:77::$_a/64 dev eth0 nodad
done
lab_up
SECRETS=$LAB/state/av-edge/rest.secrets
OLD=$(openssl rand -hex 24)
NEW=$(openssl rand -hex 24)

# uclient SERVER MORE...: client to client (-y) over relay addresses of ours.
uclient() {
	_server=$1
	shift
	in_out timeout 40 turnutils_uclient -n 10 -m 2 -l 172 "$@" "$_server" \
		2>&1
}
served() { # WHAT SERVER MORE...
	_what=$1
	_log=$LAB/uclient-$(printf '%s' "$_what" | tr -c 'a-z0-9A-Z' _).txt
	shift
	uclient "$@" >"$_log" || fail "$_what: $(tail -n 6 "$_log")"
	grep -q 'Total lost packets 0 ' "$_log" ||
		fail "$_what: $(tail -n 6 "$_log")"
	echo "$_what: ok"
}
# Each of coturn's clients waits some seconds before it ends: side by side.
meanwhile() {
	(
		trap - EXIT
		served "$@"
	) &
	RUNNING="$RUNNING $!"
}
joined() {
	for _pid in $RUNNING; do
		wait "$_pid" || fail "see above"
	done
	RUNNING=
}
RUNNING=
refused() { # WHAT SERVER MORE...
	_what=$1
	shift
	! uclient "$@" >"$LAB/uclient.txt" || fail "$_what was served"
	echo "$_what: refused"
}
secrets() { # the file as it shall be, and until av-edge has seen it
	printf '%s\n' "$@" >"$SECRETS.new"
	chown --reference="$LAB/state/av-edge" "$SECRETS.new"
	chmod 0400 "$SECRETS.new"
	mv "$SECRETS.new" "$SECRETS"
	seen "$#"
}
seen() { # COUNT
	_want=$1
	_tries=0
	until curl -s --unix-socket "$LAB/run/av-edge.sock" \
		http://av-edge/v1/status >"$LAB/status.json" &&
		grep -q "\"rest_secrets\": *$_want\b" "$LAB/status.json"; do
		_tries=$((_tries + 1))
		[ "$_tries" -lt 50 ] || fail "secrets were not seen: $_want"
		sleep 0.2
	done
}

# ---- shared secrets
refused "no secret" 198.51.100.30 -c -y -u alice -W "$OLD"
secrets "$OLD"
served "one secret" 198.51.100.30 -c -y -u alice -W "$OLD"
secrets "$NEW" "$OLD"
meanwhile "new secret" 198.51.100.30 -c -y -u alice -W "$NEW"
meanwhile "old secret" 198.51.100.30 -c -y -u alice -W "$OLD"
joined
secrets "$NEW"
refused "old secret, taken away" 198.51.100.30 -c -y -u alice -W "$OLD"
lab_ctl explain 198.51.100.77 >"$LAB/explain.txt" || true
grep -q 'bad-integrity' "$LAB/explain.txt" || fail "explain: $(cat "$LAB/explain.txt")"
! grep -rq "$OLD\|$NEW" "$LAB"/*.log || fail "a secret in a log"

# ---- families: an echo of coturn's on either address
lab_spawn peer4 ip netns exec "$OUT" turnutils_peer -L 198.51.100.78 -p 3480
lab_spawn peer6 ip netns exec "$OUT" turnutils_peer -L 2a00:77::78 -p 3480
listen() { [ "$(in_out ss -Hlun 'sport = :3480' | wc -l)" -ge 2 ]; }
lab_wait 10 "both peers" listen
for server in 198.51.100.30 2a00:77::30; do
	meanwhile "$server, relay IPv4" $server -c -X -u alice -W "$NEW" \
		-e 198.51.100.78 -r 3480
	meanwhile "$server, relay IPv6" $server -c -x -u alice -W "$NEW" \
		-e 2a00:77::78 -r 3480
	meanwhile "$server, pairs over IPv6" $server -c -x -y -u alice -W "$NEW"
done
# Both families at once are tests/unit/av-edge/test_relay_families.c's affair:
# coturn's client with -Z refreshes a family that it did not ask for.
# Without -c coturn's client asks for even ports and the one after (RTCP).
meanwhile "pairs of ports" 198.51.100.30 -y -u alice -W "$NEW"
joined
refused "an inside host behind NAT64" 198.51.100.30 -c -x -u alice -W "$NEW" \
	-e 2a00:64::a00:14 -r 3480
grep -q 'error 403' "$LAB/uclient.txt" || fail "NAT64: $(tail -n 3 "$LAB/uclient.txt")"
lab_ok "shared secrets and both families"
