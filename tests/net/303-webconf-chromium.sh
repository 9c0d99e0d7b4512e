#!/bin/sh
# Headless Chromium outside opens the page of nginx inside, and its WebSocket
# echo, through `edgectl webconf join`: with TLS from end to end, and with a
# connector that speaks TLS to its target itself. Then edgectl explain.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/webconf.sh"

command -v nginx >/dev/null || skip "needs nginx"
command -v chromedriver >/dev/null || skip "needs chromium-driver"
webconf_setup
lab_cert meet internal-ca meet.int.contoso.test
webconf_up

# ---- the meeting server inside ---------------------------------------------
mkdir -p "$LAB/www" "$LAB/nginx"
cat >"$LAB/www/index.html" <<'END'
<!DOCTYPE html>
<title>Board</title>
<h1>the board meets on Monday</h1>
<img id="plan" src="plan.svg" width="20" height="20">
<script>
async function echo(text) {
	const scheme = location.protocol === "https:" ? "wss:" : "ws:";
	const socket = new WebSocket(scheme + "//" + location.host + "/ws");
	socket.binaryType = "arraybuffer";
	await new Promise((good, bad) => {
		socket.onopen = good;
		socket.onerror = () => bad(new Error("no WebSocket"));
	});
	socket.send(text);
	const answer = await new Promise(good => { socket.onmessage = good; });
	socket.close();
	return typeof answer.data === "string" ? answer.data :
		new TextDecoder().decode(answer.data);
}
</script>
END
echo '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"/>' \
	>"$LAB/www/plan.svg"
head -c 3000000 /dev/urandom >"$LAB/www/big"
cat >"$LAB/nginx.conf" <<END
daemon off;
user root;
worker_processes 1;
pid $LAB/nginx/pid;
error_log $LAB/nginx/error.log;
events { worker_connections 256; }
http {
	types { text/html html; image/svg+xml svg; }
	access_log $LAB/nginx/access.log;
	client_body_temp_path $LAB/nginx/body;
	proxy_temp_path $LAB/nginx/proxy;
	fastcgi_temp_path $LAB/nginx/f;
	uwsgi_temp_path $LAB/nginx/u;
	scgi_temp_path $LAB/nginx/s;
	server {
		listen 10.0.0.20:8443 ssl;
		ssl_certificate $LAB/tls/meet.crt;
		ssl_certificate_key $LAB/tls/meet.key;
		root $LAB/www;
		location /ws {
			proxy_pass http://127.0.0.1:8081;
			proxy_http_version 1.1;
			proxy_set_header Upgrade \$http_upgrade;
			proxy_set_header Connection upgrade;
		}
	}
}
END
lab_spawn nginx in_in nginx -c "$LAB/nginx.conf" -p "$LAB/nginx"
lab_spawn echo in_in python3 tests/net/wsecho.py server 127.0.0.1 8081
lab_listens in_in 8443 8081

browse() { # URL
	PYTHONPATH=tests/net PYTHONDONTWRITEBYTECODE=1 python3 - "$OUT" "$1" \
		"$LAB/tls/meet.crt" <<'END' || fail "Chromium: $1"
import sys
from browser import Browser, pin
netns, url, cert = sys.argv[1:]
# The page's name leads to the local port, as a line in /etc/hosts would.
with Browser(netns=netns, spki=[pin(cert)], arguments=[
        "--host-resolver-rules=MAP meet.int.contoso.test 127.0.0.1"]) as b:
    b.open(url)
    assert b.run("return document.querySelector('h1').textContent") == \
        "the board meets on Monday"
    b.wait(10, "the picture",
           "return document.getElementById('plan').naturalWidth == 20")
    size = b.run("return (await (await fetch('big')).arrayBuffer())"
                 ".byteLength")
    assert size == 3000000, size
    for text in ("hello inside", "x" * 50000):
        assert b.run("return await echo(arguments[0])", text) == text
    print(url + ": page, picture, 3 MB and WebSocket echo")
END
}

# ---- TLS from end to end: the edge and the connector see none of it --------
webconf_connector fe-connector fe 10.0.0.20:8443
webconf_registered 1
webconf_ticket "$LAB/ticket" --reusable
webconf_join join "$LAB/ticket"
browse https://meet.int.contoso.test:8443/
lab_end "$JOIN_PID"
lab_end "$WC_PID"

# ---- the connector speaks TLS to the target, P-256 tickets -----------------
webconf_connector p256 fe 10.0.0.20:8443 'ticket_algorithm: p256' \
	"target_tls: {trust: $LAB/tls/internal-ca.crt, name: meet.int.contoso.test}"
webconf_registered 1
webconf_ticket "$LAB/ticket2" --reusable
WC_PORT=8080 webconf_join join2 "$LAB/ticket2"
browse http://127.0.0.1:8080/

# ---- what became of a session ----------------------------------------------
session=$(sed -n 's/.* joined: \([0-9a-f]*\)$/\1/p' "$LAB/join2.log" | head -n 1)
[ ${#session} -eq 32 ] || fail "no session in $(cat "$LAB/join2.log")"
explains() {
	lab_ctl explain "$session" >"$LAB/story.txt" &&
		grep -q 'relay.began' "$LAB/story.txt" &&
		grep -q 'relay.ended' "$LAB/story.txt"
}
lab_wait 10 "the story of a session" explains
cat "$LAB/story.txt"
# A good ticket, but of another meeting.
! in_out edgectl test webconf --ticket "$(cat "$LAB/ticket2")" \
	--conference sip:other@contoso.test --edge 198.51.100.20:443 \
	--trust "$LAB/tls/external-ca.crt" >"$LAB/test.txt" 2>&1 ||
	fail "another meeting's ticket is good"
lab_ctl explain 198.51.100.77 >"$LAB/story.txt" || fail "explain"
grep -q 'client.refused' "$LAB/story.txt" &&
	grep -q 'another meeting than' "$LAB/story.txt" ||
	fail "no cause and no advice: $(cat "$LAB/story.txt")"
lab_end "$WC_PID"

# ---- a target whose certificate has another name ---------------------------
webconf_connector wrong fe 10.0.0.20:8443 \
	"target_tls: {trust: $LAB/tls/internal-ca.crt, name: other.int.contoso.test}"
webconf_registered 1
! webconf_test >"$LAB/test.txt" 2>&1 || fail "a wrong target was reached"
grep -q 'event=session.failed .*name' "$LAB/wrong.log" ||
	fail "no cause: $(cat "$LAB/wrong.log")"
lab_ok "a browser outside, a page inside"
