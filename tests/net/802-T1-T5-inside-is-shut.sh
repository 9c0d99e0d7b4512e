#!/bin/sh
# Threats T1, T2, T5: a user with a good credential can't relay into the
# inside, to the host itself or to the suite's own ports, by channel or Send;
# nothing leaves by the inside device, and all is counted. (TCP connections:
# T6 in tests/unit/av-edge; coturn's client knows no peer to connect to.)
. "$(dirname "$0")/lib.sh"

SETTINGS_AV='allocations_per_user: 1000, allocations_per_credential: 1000'
lab_setup
lab_up
lab_ctl credentials issue --user sip:mallory@contoso.test --json \
	>"$LAB/cred.json" || fail "credentials issue"
USER=$(lab_json "$LAB/cred.json" username)
PASS=$(lab_json "$LAB/cred.json" password)

in_in nft -f - <<'EOF'
table inet watch {
	counter relayed { }
	chain in {
		type filter hook input priority filter;
		ip saddr 10.0.0.10 udp dport 7777 counter name relayed
		ip saddr 198.51.100.30 counter name relayed
		tcp dport 7777 counter name relayed
	}
}
EOF

# try HOW PEER: relayed data must not come about.
try() {
	_how=$1
	_peer=$2
	_log=$LAB/try-$_peer-$_how.txt
	case $_how in
	channel) set -- ;;
	send) set -- -s ;;
	esac
	if in_out timeout 8 turnutils_uclient -c -n 3 -m 1 -l 100 "$@" -e "$_peer" \
		-r 7777 -u "$USER" -w "$PASS" 198.51.100.30 >"$_log" 2>&1; then
		echo "$_peer was reached ($_how)"
		return 1
	fi
	grep -q 'error 403' "$_log" && return 0
	echo "$_peer was not refused for what it is ($_how): $(tail -n 3 "$_log")"
	return 1
}
RUNNING=
for peer in 10.0.0.77 10.0.0.20 10.0.0.10 127.0.0.1 0.0.0.0 169.254.169.254 \
	198.51.100.10 198.51.100.20 192.168.1.1; do
	for how in channel send; do
		(
			trap - EXIT
			try $how $peer
		) &
		RUNNING="$RUNNING $!"
	done
done
for pid in $RUNNING; do
	wait "$pid" || fail "see above"
done
in_in nft -j list counter inet watch relayed >"$LAB/watch.json"
grep -q '"packets": 0' "$LAB/watch.json" ||
	fail "something came inside: $(cat "$LAB/watch.json")"
curl -s --unix-socket "$LAB/run/av-edge.sock" http://av-edge/metrics \
	>"$LAB/metrics.txt"
for rule in inside-network suite-address local-address special-range \
	private-range; do
	grep -q "peers_refused.*rule=\"$rule\".* [1-9]" "$LAB/metrics.txt" ||
		fail "no refusal by $rule: $(grep peers_refused "$LAB/metrics.txt")"
done
grep peers_refused "$LAB/metrics.txt" | grep -v '^#'
lab_ctl explain 198.51.100.77 >"$LAB/explain.txt" || true
grep -q 'inside-network' "$LAB/explain.txt" ||
	fail "explain does not tell: $(cat "$LAB/explain.txt")"
lab_ok "the inside is shut"
