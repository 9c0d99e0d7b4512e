#!/bin/sh
# Chromium outside behind a NAT, with a credential of the kind that web
# applications make (TURN REST); then while one datagram in nine is lost on
# each side of the edge, in each direction.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nice.sh"

command -v chromedriver >/dev/null || skip "needs chromium-driver"
lab_setup
lab_cert av external-ca av.contoso.test
AV_CERT="external-av: {chain: $LAB/tls/av.crt, key: $LAB/tls/av.key}"
sed -i "s|^certificates:|&\n  $AV_CERT|" "$LAB/edge.yaml"
lab_home
lab_up

# rest FILE USER: as a web application would, from the secret it shares.
SECRET=$(openssl rand -hex 24)
printf '%s\n' "$SECRET" >"$LAB/state/av-edge/rest.secrets.new"
chown --reference="$LAB/state/av-edge" "$LAB/state/av-edge/rest.secrets.new"
chmod 0400 "$LAB/state/av-edge/rest.secrets.new"
mv "$LAB/state/av-edge/rest.secrets.new" "$LAB/state/av-edge/rest.secrets"
rest() {
	python3 - "$SECRET" "$2" >"$1" <<'EOF'
import base64, hmac, json, sys, time
user = "%d:%s" % (time.time() + 600, sys.argv[2])
mac = hmac.new(sys.argv[1].encode(), user.encode(), "sha1").digest()
print(json.dumps({"username": user, "password": base64.b64encode(mac).decode()}))
EOF
}
has_secret() {
	lab_ctl status --json | grep -q '"rest_secrets": *1\b'
}
lab_wait 10 "av-edge to see the secret" has_secret

# call NAME OUTSIDE-URL INSIDE-URL [MORE...]
call() {
	_name=$1
	_outside=$2
	_inside=$3
	shift 3
	rest "$LAB/rest.json" room-7
	timeout 100 python3 tests/net/webrtc.py --outside "$HOME_NS" \
		--inside "$IN" --credential "$LAB/rest.json" \
		--spki "$LAB/tls/av.crt" --relay 198.51.100.30 "$@" \
		--call "$_name" "$_outside" "$_inside" || fail "Chromium: $_name"
}
call "udp behind a NAT" turn:198.51.100.30:3478?transport=udp \
	turn:10.0.0.10:3478?transport=udp \
	--call "tls behind a NAT" turns:198.51.100.30:443?transport=tcp \
	turn:10.0.0.10:3478?transport=udp
nice_lose
call "udp, a ninth lost" turn:198.51.100.30:3478?transport=udp \
	turn:10.0.0.10:3478?transport=udp --seconds 40
[ "$(nice_count allocations_made side)" -ge 6 ] ||
	fail "the relay was not used"
lab_ok "Chromium behind a NAT, and with loss"
