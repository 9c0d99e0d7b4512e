#!/bin/sh
# Threat T8 over TCP: connections by the thousand that say nothing, begin a TLS
# handshake, or trickle. Who is honest is answered as before, all of them end
# by their deadline, and nothing of them is left.
CONNECTIONS=${CONNECTIONS:-600}
ROUNDS=${ROUNDS:-2}
SOURCES=60

. "$(dirname "$0")/lib.sh"

lab_plain
ulimit -n "$(ulimit -Hn)"
lab_setup
lab_cert av external-ca av.contoso.test
AV_CERT="external-av: {chain: $LAB/tls/av.crt, key: $LAB/tls/av.key}"
sed -i "s|^certificates:|&\n  $AV_CERT|" "$LAB/edge.yaml"
lab_up
PID=$(lab_pid av-edge)
DEVICE=$(ip -n "$OUT" -o -4 address | awk '/198\.51\.100\.77/ {print $2; exit}')
i=0
while [ $i -lt $SOURCES ]; do
	ip -n "$OUT" address add "198.51.100.$((120 + i))/24" dev "$DEVICE"
	i=$((i + 1))
done

rss() { awk '/^VmRSS/{print $2}' "/proc/$PID/status"; }
fds() { ls "/proc/$PID/fd" | wc -l; }
flood() {
	in_out python3 - "$CONNECTIONS" "$SOURCES" "$PID" <<'END'
import os, select, socket, struct, sys, time
count, sources, pid = (int(x) for x in sys.argv[1:])
relay = ("198.51.100.30", 443)
HELLO = bytes.fromhex("16030100fa010000f60303")
def rss():
    for line in open("/proc/%d/status" % pid):
        if line.startswith("VmRSS"):
            return int(line.split()[1])
def honest():
    began = time.time()
    s = socket.create_connection(relay, 5, ("198.51.100.77", 0))
    s.settimeout(5)
    s.sendall(struct.pack("!HHI", 1, 0, 0x2112A442) + os.urandom(12))
    assert s.recv(2048)[:2] == b"\x01\x01"
    s.close()
    return time.time() - began
base, held, slow, waits = rss(), [], [], []
began = time.time()
for i in range(count):
    s = socket.socket()
    s.bind(("198.51.100.%d" % (120 + i % sources), 0))
    s.setblocking(False)
    s.connect_ex(relay)
    held.append(s)
    if i % 100 == 99:
        # 50 new ones a second of one source are taken
        due = began + (i + 1) / (sources * 40.0)
        time.sleep(max(0, due - time.time()))
        waits.append(honest())
made = time.time() - began
for i, s in enumerate(held):
    try:
        if i % 6 == 0:
            s.send(HELLO)
        elif i % 6 == 1:
            s.send(b"\x00")
            slow.append(s)
    except OSError:
        pass
peak = rss()
poll = select.poll()
by_fd = {s.fileno(): s for s in held}
for fd in by_fd:
    poll.register(fd, select.POLLIN)
alive, deadline = len(by_fd), time.time() + 14
while alive and time.time() < deadline:
    for fd, what in poll.poll(200):
        poll.unregister(fd)
        by_fd[fd].close()
        alive -= 1
    for s in slow: # one byte more, of a cookie that takes its time
        if s.fileno() >= 0:
            try:
                s.send(b"\x00")
            except OSError:
                pass
    slow = slow if int(time.time()) % 2 else []
    waits.append(honest())
waits.sort()
print("T8: %d connections of %d sources in %.1f s, +%d kB; %d honest ones "
      "meanwhile, median %.1f ms, p99 %.1f ms; %d left" % (count, sources,
      made, peak - base, len(waits), 1000 * waits[len(waits) // 2],
      1000 * waits[len(waits) * 99 // 100], alive))
assert alive == 0, "connections that never end"
assert waits[len(waits) * 99 // 100] < 0.2, waits[-5:]
# Silent ones cost a few hundred bytes, a handshake begun OpenSSL's 25 kB.
assert peak - base < 2048 + 8 * count, "%d kB held" % (peak - base)
END
}

# A crowd's memory goes back within seconds once it has gone (10,000: 99 MB
# after a round and 131 after the third when it did not, 21 to 41 since); what a
# few hundred leave the allocator keeps. The last round tells of leaks.
r=1
RSS_FIRST=$(rss)
while [ "$r" -le "$ROUNDS" ]; do
	FDS0=$(fds)
	RSS0=$(rss)
	flood || fail "round $r"
	sleep 1
	FDS1=$(fds)
	RSS1=$(rss)
	echo "T8: round $r: RSS $RSS0 -> $RSS1 kB, descriptors $FDS0 -> $FDS1"
	r=$((r + 1))
done
[ $((RSS1 - RSS0)) -lt $((2048 + CONNECTIONS)) ] || fail "grew by $((RSS1 - RSS0)) kB"
[ "$FDS1" -le "$FDS0" ] || fail "descriptors left"
is_given_back() { [ $(($(rss) - RSS_FIRST)) -lt 49152 ]; }
lab_wait 15 "the memory to go back" is_given_back
echo "T8: in the end RSS $RSS_FIRST -> $(rss) kB"
lab_ok "connections"
