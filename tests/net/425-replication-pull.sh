#!/bin/sh
# An edge that fetches: from a web server that knows nothing of us, nginx
# with TLS, over heads that Python and openssl made. The first base is dead,
# a broken bundle and a forged head change nothing, and without the server
# the edge goes on and says that it is stale.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/replication.sh"

lab_setup
repl_setup
lab_cert mirror internal-ca mirror.int.contoso.test
sed -i "s/^resolver:/resolver:/; s/    fe.int.contoso.test: 10.0.0.20/&\n    mirror.int.contoso.test: 10.0.0.78\n    dead.int.contoso.test: 10.0.0.79/" \
	"$LAB/edge.yaml"
repl_change "s|^settings:|settings:\n  replication-agent: {pull_from: [https://dead.int.contoso.test/edge, https://mirror.int.contoso.test:8443/edge/], pull_every: 1s, pull_side: internal}|"

WWW=$LAB/www/edge
mkdir -p "$WWW/bundles"
chmod -R 755 "$LAB/www"
cat >"$LAB/nginx.conf" <<CONF
pid $LAB/nginx.pid;
error_log $LAB/nginx.log;
events {}
http {
	access_log $LAB/nginx-access.log;
	server {
		listen 10.0.0.78:8443 ssl;
		ssl_certificate $LAB/tls/mirror.crt;
		ssl_certificate_key $LAB/tls/mirror.key;
		root $LAB/www;
	}
}
CONF
nginx_up() {
	lab_spawn nginx ip netns exec "$IN" nginx -c "$LAB/nginx.conf" -g 'daemon off;'
	NGINX=$SPAWNED
	lab_listens in_in 8443
}
nginx_up

# mirror: what is newest, as a person would copy it to a web server.
mirror() {
	sleep 1 # nginx tells heads apart by the second and the length
	repl_pub export "$LAB/next.edgb" >"$LAB/export.log" 2>&1 ||
		fail "export: $(cat "$LAB/export.log")"
	NAME=$(python3 tests/net/edgb.py name "$LAB/next.edgb")
	cp "$LAB/next.edgb" "$WWW/bundles/$NAME.edgb"
	[ -z "${DAMAGE:-}" ] || printf XX | dd of="$WWW/bundles/$NAME.edgb" bs=1 \
		seek=900 conv=notrunc 2>/dev/null
	python3 tests/net/edgb.py head "$LAB/signing.pem" "$LAB/next.edgb" \
		"$@" >"$WWW/head.new"
	mv "$WWW/head.new" "$WWW/head.edgb"
}
has() { [ "$(repl_status current.sha256)" = "$1" ]; }

repl_bootstrap
# The publisher reaches nobody.
in_in nft -f - <<'NFT'
table inet test {
	chain output {
		type filter hook output priority filter
		tcp dport 4443 reject with tcp reset
	}
}
NFT
mirror
up_to_date() { [ "$(repl_status up_to_date)" = true ]; }
lab_wait 10 "the head to be fetched" up_to_date

# A next one is put there.
repl_change 's/av-edge: {/av-edge: {max_bandwidth_per_port_kb: 5000, /'
repl_pub "$LAB/topology.yaml" --no-wait >"$LAB/publish.log" 2>&1 ||
	fail "publish: $(cat "$LAB/publish.log")"
mirror
lab_wait 10 "the next one to be fetched" has "$NAME"
lab_wait 10 "the head to be asked for, not fetched again" \
	grep -q '"GET /edge/head.edgb HTTP/1.1" 304' "$LAB/nginx-access.log"

# Damaged on the way: the edge keeps what it has.
OLD=$NAME
repl_change 's/port_kb: 5000/port_kb: 6000/'
repl_pub "$LAB/topology.yaml" --no-wait >"$LAB/publish.log" 2>&1
DAMAGE=1 mirror
refused() { lab_ctl replication status --json |
	grep -q 'its hash is not the one in the manifest'; }
lab_wait 10 "the damage to be noticed" refused
has "$OLD" || fail "a damaged bundle is current"
cp "$LAB/next.edgb" "$WWW/bundles/$NAME.edgb"
lab_wait 10 "the mended bundle to be fetched" has "$NAME"

# A head that somebody else signed.
openssl genpkey -algorithm ed25519 -out "$LAB/forger.pem" 2>/dev/null
python3 tests/net/edgb.py head "$LAB/forger.pem" "$LAB/first.edgb" \
	>"$WWW/head.edgb"
forged() { lab_ctl replication status --json | grep -q 'good signature'; }
lab_wait 10 "the forged head to be refused" forged
has "$NAME" || fail "a forged head changed something"

# Held back: the head runs out, then the server is gone; the edge serves on.
mirror 2
stale() { [ "$(repl_status stale)" = true ]; }
lab_wait 15 "the edge to say that it is stale" stale
kill "$NGINX"
sleep 2
lab_ctl status --json | grep -q '"serving"' || fail "it does not serve on"
has "$NAME" || fail "it lost what it had"
nginx_up
mirror
lab_wait 10 "it to be up to date again" up_to_date
lab_ok "fetched over TLS from nginx; damage, forgery and silence do no harm"
