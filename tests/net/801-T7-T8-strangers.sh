#!/bin/sh
# Threats T7 and T8: a source that proves nothing gets at most 10 replies a
# second, none more than three times its request, and spoofed sources leave
# neither memory nor descriptors behind, nor do they hurt a call.
#   SOURCES=1000000 SECONDS_OF_T7=60 CALL_MESSAGES=6000   (make attack)
SOURCES=${SOURCES:-10000}
SECONDS_OF_T7=${SECONDS_OF_T7:-3}
CALL_MESSAGES=${CALL_MESSAGES:-250}

. "$(dirname "$0")/lib.sh"

lab_plain
lab_setup
lab_up
PID=$(lab_pid av-edge)

# T7: one source, as fast as it can, requests that need a challenge and
# Bindings.
in_out python3 - "$SECONDS_OF_T7" <<'EOF' || fail "T7"
import os, socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("198.51.100.79", 0))
s.setblocking(False)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
relay = ("198.51.100.30", 3478)
def allocate():
    return struct.pack("!HHI", 3, 8, 0x2112A442) + os.urandom(12) + \
        struct.pack("!HHI", 0x19, 4, 17 << 24)
def binding():
    return struct.pack("!HHI", 1, 0, 0x2112A442) + os.urandom(12)
sent = got = 0
worst = 0.0
seconds = int(sys.argv[1])
end = time.time() + seconds
while time.time() < end:
    for make in (allocate, binding):
        m = make()
        try:
            s.sendto(m, relay)
            sent += 1
        except BlockingIOError:
            pass
        try:
            while True:
                r = s.recv(2048)
                got += 1
                worst = max(worst, (len(r) + 28) / (len(allocate()) + 28.0)
                            if r[0] == 1 and r[1] == 0x13
                            else (len(r) + 28) / (20 + 28.0))
        except BlockingIOError:
            pass
print("T7: %d requests, %d replies in %d s, largest %.2f times its request"
      % (sent, got, seconds, worst))
assert sent > 1500 * seconds, "the load is too small to prove anything"
assert 0 < got <= (seconds + 1) * 10 + 10, got
assert worst <= 3.0, worst
EOF

rss() { awk '/^VmRSS/{print $2}' "/proc/$PID/status"; }
fds() { ls "/proc/$PID/fd" | wc -l; }

# T8: many sources. Answers go to a host that does not exist.
ip -n "$EDGE" route add 203.0.0.0/16 via 198.51.100.77
in_edge sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.ext0.rp_filter=0
flood() {
	in_out python3 - "$1" "$2" <<'EOF'
import os, socket, struct, sys, time
first, count = int(sys.argv[1]), int(sys.argv[2])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
dst = socket.inet_aton("198.51.100.30")
for i in range(first, first + count):
    stun = struct.pack("!HHI", 3, 8, 0x2112A442) + os.urandom(12) + \
        struct.pack("!HHI", 0x19, 4, 17 << 24)
    udp = struct.pack("!HHHH", 1024 + i % 60000, 3478, 8 + len(stun), 0)
    src = bytes([203, 0, (i >> 8) & 255, i & 255])
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp) + len(stun), 0,
                     0, 64, 17, 0, src, dst)
    raw.sendto(ip + udp + stun, ("198.51.100.30", 0))
    if i % 200 == 0:
        time.sleep(0.01)
EOF
}
# A call of an outside user with itself, over two relay addresses of ours,
# for as long as the flood and longer.
lab_ctl credentials issue --user sip:alice@contoso.test --json \
	>"$LAB/cred.json" || fail "credentials issue"
USER=$(lab_json "$LAB/cred.json" username)
PASS=$(lab_json "$LAB/cred.json" password)
call() {
	in_out timeout 600 turnutils_uclient -c -y -m 16 -l 172 -z 20 \
		-n "$1" -u "$USER" -w "$PASS" 198.51.100.30 \
		>"$LAB/call.txt" 2>&1
}
lab_end_allocations() {
	for _id in $(lab_ctl allocations --json | python3 -c '
import json, sys
for a in json.load(sys.stdin)["allocations"]: print(a["id"])'); do
		curl -s --unix-socket "$LAB/run/av-edge.admin.sock" -H 'Content-Type: application/json' \
			-d "{\"id\": \"$_id\"}" http://av-edge/v1/allocations/close >/dev/null
	done
}
# Warm up: buffers, tables and the queues between shards are of fixed size, and
# get their pages as they are used.
call 100 &
CALL_PID=$!
flood 0 10000
wait "$CALL_PID" || fail "no call: $(tail -n 5 "$LAB/call.txt")"
lab_end_allocations
FDS0=$(fds)
# round FIRST: a flood beside a call; by how much memory grew, in $GREW. What
# sources leave behind they leave in every round; a queue that the call is
# the first to use gets its pages only once.
round() {
	RSS0=$(rss)
	call "$CALL_MESSAGES" &
	CALL_PID=$!
	flood "$1" "$SOURCES"
	wait "$CALL_PID" ||
		fail "the call ended: $(tail -n 5 "$LAB/call.txt")"
	LOST=$(sed -n 's/.*Total lost packets [0-9]* (\([0-9.]*\)%).*/\1/p' \
		"$LAB/call.txt" | tail -n 1)
	echo "T8: the call lost ${LOST:-?} %"
	awk -v l="${LOST:-100}" 'BEGIN { exit !(l < 0.1) }' ||
		fail "T8: the call lost ${LOST:-?} %: $(tail -n 5 "$LAB/call.txt")"
	lab_end_allocations
	sleep 1
	RSS1=$(rss)
	FDS1=$(fds)
	GREW=$((RSS1 - RSS0))
	echo "T8: RSS $RSS0 -> $RSS1 kB, descriptors $FDS0 -> $FDS1"
}
GREW=512
for _first in 10000 $((10000 + SOURCES)) $((10000 + 2 * SOURCES)); do
	[ "$GREW" -lt 512 ] || round "$_first"
done
[ "$GREW" -lt 512 ] || fail "T8: grew by $GREW kB, in every round"
[ "$FDS1" -le "$FDS0" ] || fail "T8: descriptors left"
lab_ctl allocations --json | python3 -c '
import json, sys
n = len(json.load(sys.stdin)["allocations"])
assert n == 0, n'
lab_ok "strangers"
