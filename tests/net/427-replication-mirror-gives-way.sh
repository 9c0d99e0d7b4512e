#!/bin/sh
# A mirror that plays slow, an octet a second: the orders of a publisher get
# through long before it is given up, and the agent ends when it is told to.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/replication.sh"

lab_setup
repl_setup
sed -i "s/    fe.int.contoso.test: 10.0.0.20/&\n    mirror.int.contoso.test: 10.0.0.78/" \
	"$LAB/edge.yaml"
repl_change "s|^settings:|settings:\n  replication-agent: {pull_from: [http://mirror.int.contoso.test:8080/], pull_every: 1s, pull_side: internal}|"

cat >"$LAB/slow.py" <<'PY'
import socket, sys, threading, time

def drip(c):
    try:
        c.recv(4096)
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        open(sys.argv[1], "w").close()
        while True:
            c.sendall(b"x")
            time.sleep(1)
    except OSError:
        pass

s = socket.create_server(("10.0.0.78", 8080))
while True:
    threading.Thread(target=drip, args=(s.accept()[0],), daemon=True).start()
PY
lab_spawn slow ip netns exec "$IN" python3 "$LAB/slow.py" "$LAB/asked"
lab_listens in_in 8080
repl_bootstrap
asked() { [ -e "$LAB/asked" ]; }
lab_wait 10 "the mirror to be asked" asked

for _kb in 5000 6000; do
	repl_change "s/av-edge: {.*max_bandwidth_per_port_kb: [0-9]*, /av-edge: {/"
	repl_change "s/av-edge: {/av-edge: {max_bandwidth_per_port_kb: $_kb, /"
	_start=$(date +%s)
	repl_pub "$LAB/topology.yaml" --reason "$_kb" \
		>"$LAB/publish.log" 2>&1 ||
		fail "publish: $(cat "$LAB/publish.log")"
	_took=$(($(date +%s) - _start))
	[ "$_took" -le 25 ] || fail "a publication took $_took s"
	# While the new generation is watched, pulls give way time and again.
	rm -f "$LAB/asked"
	lab_wait 10 "the mirror to be asked again" asked
done
[ "$(repl_status current.serial)" = 3 ] || fail "it did not arrive"
grep -q 'too slow, and others waited' "$LAB/up.log" ||
	fail "no pull gave way"

kill "$UP_PID"
ended() { ! kill -0 "$UP_PID" 2>/dev/null; }
lab_wait 10 "the suite to end" ended
! grep -q 'child.killed child=replication-agent' "$LAB/up.log" ||
	fail "the agent had to be killed"
lab_ok "a slow mirror holds up neither publisher nor end"
