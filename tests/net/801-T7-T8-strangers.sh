#!/bin/sh
# Threats T7 and T8: a source that proves nothing gets at most 10 replies a
# second, none more than three times its request, and 10,000 spoofed sources
# leave neither memory nor descriptors behind.

# Memory is measured on the plain build: sanitizers keep what was freed.
case ${B:-build} in
*asan* | *tsan*)
	B=build
	[ -x build/bin/av-edge ] || make -s programs
	;;
esac
. "$(dirname "$0")/lib.sh"

lab_setup
lab_up
PID=$(lab_pid av-edge)

# T7: one source, as fast as it can for three seconds, requests that need a
# challenge and Bindings.
in_out python3 - <<'EOF' || fail "T7"
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
end = time.time() + 3
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
print("T7: %d requests, %d replies in 3 s, largest %.2f times its request"
      % (sent, got, worst))
assert sent > 5000, "the load is too small to prove anything"
assert 0 < got <= 4 * 10 + 10, got
assert worst <= 3.0, worst
EOF

rss() { awk '/^VmRSS/{print $2}' "/proc/$PID/status"; }
fds() { ls "/proc/$PID/fd" | wc -l; }

# T8: 10,000 sources. Answers go to a host that does not exist.
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
flood 0 2000 # warm up
RSS0=$(rss)
FDS0=$(fds)
flood 2000 10000
sleep 1
RSS1=$(rss)
FDS1=$(fds)
echo "T8: RSS $RSS0 -> $RSS1 kB, descriptors $FDS0 -> $FDS1"
[ $((RSS1 - RSS0)) -lt 512 ] || fail "T8: grew by $((RSS1 - RSS0)) kB"
[ "$FDS1" -le "$FDS0" ] || fail "T8: descriptors left"
lab_ctl allocations --json | python3 -c '
import json, sys
n = len(json.load(sys.stdin)["allocations"])
assert n == 0, n'
lab_ok "strangers"
