#!/bin/sh
# Chromium as it comes, one outside and one inside, with no way but the
# relay: sound, picture and a data channel arrive at the far end, over TURN on
# UDP, TCP and TLS.
. "$(dirname "$0")/lib.sh"

command -v chromedriver >/dev/null || skip "needs chromium-driver"
lab_setup
lab_cert av external-ca av.contoso.test
AV_CERT="external-av: {chain: $LAB/tls/av.crt, key: $LAB/tls/av.key}"
sed -i "s|^certificates:|&\n  $AV_CERT|" "$LAB/edge.yaml"
lab_up
lab_dns

lab_ctl credentials issue --user sip:alice@contoso.test --json \
	>"$LAB/cred.json" || fail "credentials issue"
OUTSIDE=turn:av.contoso.test
INSIDE=turn:edge.int.contoso.test
python3 tests/net/webrtc.py --outside "$OUT" --inside "$IN" \
	--credential "$LAB/cred.json" --spki "$LAB/tls/av.crt" \
	--relay 198.51.100.30 \
	--call "udp" "$OUTSIDE:3478?transport=udp" "$INSIDE:3478?transport=udp" \
	--call "tcp" "$OUTSIDE:443?transport=tcp" "$INSIDE:443?transport=tcp" \
	--call "tls" "turns:av.contoso.test:443?transport=tcp" \
		"turns:edge.int.contoso.test:443?transport=tcp" \
	--call "tls to udp" "turns:av.contoso.test:443?transport=tcp" \
		"$INSIDE:3478?transport=udp" || fail "Chromium"

none() { [ "$(lab_ctl allocations --json | grep -c '"id"')" -eq 0 ]; }
lab_wait 10 "the allocations to end with the browsers" none
lab_ok "Chromium, relay only"
