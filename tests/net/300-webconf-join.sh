#!/bin/sh
# A service inside reached from outside through WCE/1, without a hole
# inwards: nginx as the inside server, `edgectl webconf join` as the client's
# helper; pages, a large file, a WebSocket echo, several at once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/webconf.sh"

command -v nginx >/dev/null || skip "needs nginx"
webconf_setup
webconf_up

# ---- the server inside -----------------------------------------------------
mkdir -p "$LAB/www" "$LAB/nginx"
echo "the board meets on Monday" >"$LAB/www/index.html"
head -c 20000000 /dev/urandom >"$LAB/www/big"
cat >"$LAB/nginx.conf" <<EOF
daemon off;
user root;
worker_processes 1;
pid $LAB/nginx/pid;
error_log $LAB/nginx/error.log;
events { worker_connections 256; }
http {
	access_log $LAB/nginx/access.log;
	client_body_temp_path $LAB/nginx/body;
	proxy_temp_path $LAB/nginx/proxy;
	fastcgi_temp_path $LAB/nginx/f;
	uwsgi_temp_path $LAB/nginx/u;
	scgi_temp_path $LAB/nginx/s;
	server {
		listen 10.0.0.20:8080;
		root $LAB/www;
		location /ws {
			proxy_pass http://127.0.0.1:8081;
			proxy_http_version 1.1;
			proxy_set_header Upgrade \$http_upgrade;
			proxy_set_header Connection upgrade;
		}
	}
}
EOF
lab_spawn nginx in_in nginx -c "$LAB/nginx.conf" -p "$LAB/nginx"
lab_spawn echo in_in python3 tests/net/wsecho.py server 127.0.0.1 8081
lab_listens in_in 8080 8081
webconf_connector fe-connector fe 10.0.0.20:8080
lab_ctl topology dump --connector >"$LAB/dump.yaml"
grep -q '^  - edge.int.contoso.test:8057$' "$LAB/dump.yaml" &&
	grep -q '^  edge.int.contoso.test: \["10.0.0.10"\]$' "$LAB/dump.yaml" ||
	fail "topology dump --connector: $(cat "$LAB/dump.yaml")"
webconf_registered 1

# ---- from outside ----------------------------------------------------------
webconf_ticket "$LAB/ticket" --reusable
webconf_join join "$LAB/ticket"
get() { in_out curl -sf --max-time 20 "http://127.0.0.1:8443$1"; }
[ "$(get /)" = "the board meets on Monday" ] || fail "the page did not come"
get /big >"$LAB/big.got" || fail "the large file broke off"
cmp "$LAB/www/big" "$LAB/big.got" || fail "the large file is another"
in_out python3 tests/net/wsecho.py client 127.0.0.1 8443 ||
	fail "no WebSocket echo"
for i in 1 2 3 4 5 6 7 8; do get / >"$LAB/page.$i" & done
pages_are_there() { [ "$(cat "$LAB"/page.* | wc -l)" -eq 8 ]; }
lab_wait 10 "eight pages at once" pages_are_there
echo "page, 20 MB file and WebSocket came through"

# ---- what was seen ---------------------------------------------------------
relays_are_over() {
	lab_ctl webconf relays --json >"$LAB/relays.json"
	[ "$(lab_json "$LAB/relays.json" count)" = 0 ]
}
lab_wait 10 "the end of all relays" relays_are_over
[ "$(webconf_counter relays_total)" -ge 11 ] ||
	fail "relays are not counted: $(webconf_counter relays_total)"
grep -q 'event=session.ended session=[0-9a-f]* edge="edge.int' \
	"$LAB/fe-connector.log" || fail "no line tells of a session's end"
# S16: no ticket in any log.
! grep -qF -- "$(cat "$LAB/ticket")" "$LAB"/*.log || fail "a ticket is logged"
webconf_test --send 'GET / HTTP/1.0\r\n\r\n' --expect Monday \
	>"$LAB/test.txt" || fail "edgectl test webconf: $(cat "$LAB/test.txt")"
cat "$LAB/test.txt"
lab_end "$UP_PID"
! kill -0 "$UP_PID" 2>/dev/null || fail "the suite does not stop"
lab_ok "a page from inside"
