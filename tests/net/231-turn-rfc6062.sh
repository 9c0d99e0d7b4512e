#!/bin/sh
# TCP allocations (RFC 6062) with coturn's client: to a peer in the network
# that echoes, and between relay ports, whose connections meet in whatever
# thread; over TCP and TLS, on both sides, from behind a masquerading NAT; and
# what a peer without permission, and a client that asks too much, gets.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nice.sh"

SETTINGS_AUTH='max_token_lifetime: 8h'
SETTINGS_AV='allow_peers: [198.51.100.78/32], connect_timeout: 2s'
lab_setup
lab_cert av external-ca av.contoso.test
AV_CERT="external-av: {chain: $LAB/tls/av.crt, key: $LAB/tls/av.key}"
sed -i "s|^certificates:|&\n  $AV_CERT|" "$LAB/edge.yaml"
lab_up
lab_ctl credentials issue --user sip:alice@contoso.test --json \
	>"$LAB/cred.json" || fail "credentials issue"
USER=$(lab_json "$LAB/cred.json" username)
PASS=$(lab_json "$LAB/cred.json" password)
lab_spawn peer ip netns exec "$OUT" "$TOP/tests/net/tcpecho.py" \
	198.51.100.78 3480
lab_listens in_out 3480

# carries WHAT NS SERVER MORE...: all of it comes back.
carries() {
	_what=$1
	_ns=$2
	_server=$3
	shift 3
	"$_ns" timeout 40 turnutils_uclient -T -c -n 10 -m 4 -l 171 -p 443 \
		-u "$USER" -w "$PASS" "$@" "$_server" >"$LAB/uclient.txt" 2>&1 ||
		fail "$_what: $(tail -5 "$LAB/uclient.txt")"
	grep -q 'Total lost packets 0 ' "$LAB/uclient.txt" ||
		fail "$_what, loss: $(tail -8 "$LAB/uclient.txt")"
	grep -q 'tot_send_msgs=\([1-9][0-9]*\), tot_recv_msgs=\1$' \
		"$LAB/uclient.txt" ||
		fail "$_what: $(tail -8 "$LAB/uclient.txt")"
	echo "$_what: no loss"
}
PEER='-e 198.51.100.78 -r 3480'
# What edgectl says of the relay port, as long as there is one.
(
	i=0
	while [ $i -lt 150 ] && [ ! -e "$LAB/is-tcp" ]; do
		lab_ctl allocations --json | grep -q '"relay_protocol": *"tcp"' &&
			: >"$LAB/is-tcp"
		i=$((i + 1))
		sleep 0.1
	done
) &
WATCHES=$!
carries "tcp, to a peer" in_in 10.0.0.10 $PEER
wait "$WATCHES"
[ -e "$LAB/is-tcp" ] || fail "edgectl allocations: no TCP relay port"
carries "tls, to a peer" in_out 198.51.100.30 -S $PEER
carries "tcp, between relay ports" in_in 10.0.0.10 -y
carries "tls, between relay ports" in_out 198.51.100.30 -S -y
nice_masquerade
carries "tcp, behind a NAT" in_out 198.51.100.30 -y -L "$NICE_OUTSIDE"
[ "$(nice_count connections_moved '')" -gt 0 ] ||
	[ "$(nproc)" -eq 1 ] || fail "no connection was handed over"

# Nobody is left, and nothing of theirs.
is_empty() { [ "$(nice_count peer_connections ' ')" -eq 0 ]; }
lab_wait 5 "the peers' connections to end" is_empty
lab_ok "TCP allocations"
