#!/bin/sh
# Threat S19: Linux answers on every address from every interface. An outside
# host that routes to the inside address must reach no inside listener, TCP
# or UDP, and the other way round, with no packet filter at all.
. "$(dirname "$0")/lib.sh"

lab_setup
lab_up
ip -n "$OUT" route add 10.0.0.10/32 via 198.51.100.10
ip -n "$IN" route add 198.51.100.0/24 via 10.0.0.10
# Let the probes' answers find their way, so that silence is the listener's.
ip -n "$EDGE" route replace 198.51.100.0/24 dev ext0
in_edge sysctl -qw net.ipv4.conf.all.rp_filter=0 \
	net.ipv4.conf.ext0.rp_filter=0 net.ipv4.conf.int0.rp_filter=0

# probe NS ADDR PORT tcp|udp: succeeds when something answers.
probe() {
	"$1" python3 - "$2" "$3" "$4" <<'EOF'
import os, socket, struct, sys
addr, port, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
try:
    if kind == "tcp":
        socket.create_connection((addr, port), 1.5).close()
    else:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(1.0)
        s.sendto(struct.pack("!HHI", 1, 0, 0x2112A442) + os.urandom(12),
                 (addr, port))
        s.recvfrom(2048)
except OSError:
    sys.exit(1)
EOF
}

# The probe itself works: each listener answers on its own side.
probe in_out 198.51.100.10 443 tcp || fail "443 outside should answer"
probe in_out 198.51.100.30 3478 udp || fail "3478 outside should answer"
probe in_in 10.0.0.10 5061 tcp || fail "5061 inside should answer"
probe in_in 10.0.0.10 5062 tcp || fail "5062 inside should answer"
probe in_in 10.0.0.10 3478 udp || fail "3478 inside should answer"
probe in_out 198.51.100.30 443 tcp || fail "443 outside should answer"
probe in_in 10.0.0.10 443 tcp || fail "443 inside should answer"

# The way there is open: a plain socket on the inside address does answer an
# outside host, which is what this threat is about.
in_edge python3 -c '
import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("10.0.0.10", 7777)); s.listen(); s.settimeout(20)
c, _ = s.accept()' &
LAB_PIDS="$LAB_PIDS $!"
lab_wait 5 "the plain socket to answer outside" probe in_out 10.0.0.10 7777 tcp

for port in 5061:tcp 5062:tcp 3478:udp 443:tcp; do
	if probe in_out 10.0.0.10 "${port%%:*}" "${port##*:}"; then
		fail "outside host reached $port on the inside address"
	fi
done
for target in 198.51.100.10:443:tcp 198.51.100.30:3478:udp \
	198.51.100.30:443:tcp; do
	ip=${target%%:*}
	rest=${target#*:}
	if probe in_in "$ip" "${rest%%:*}" "${rest##*:}"; then
		fail "inside host reached $target on the outside address"
	fi
done
lab_ok "listeners answer on their own side only"
