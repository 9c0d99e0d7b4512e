#!/bin/sh
# What is wrong at the start is told by name, with what to do, and nothing
# is left running: unknown key, no topology, unreadable certificate, key of
# another certificate, port in use (requirements R7, R8).
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/loopback.sh"

loop_setup
loop_init
cp -a "$LAB/etc" "$LAB/good"

up() { loop_edge edgectl -c "$CONF" up; }
nothing_runs() {
	[ -z "$(ip netns pids "$EDGE")" ] ||
		fail "left running: $(ip netns pids "$EDGE" | xargs ps -o args -p)"
}
repair() {
	rm -rf "$LAB/etc"
	cp -a "$LAB/good" "$LAB/etc"
}

echo "# unknown key: file, line, nearest name"
sed -i 's/^machine:/machnie:/' "$CONF"
refused 2 'edge.yaml:2:.*machine' up
nothing_runs
repair

echo "# duplicate key"
echo 'machine: other.int.lab.test' >>"$CONF"
refused 2 'edge.yaml:' up
nothing_runs
repair

echo "# no topology yet"
mv "$LAB/state/topology" "$LAB/topology"
refused 2 'edgectl topology apply' up
nothing_runs
rm -rf "$LAB/state/topology"
mv "$LAB/topology" "$LAB/state/topology"

echo "# a certificate that its daemon can't read"
chown root:root "$LAB/etc/tls/external-sip.key"
refused 1 "external-sip.key: access-edge .* can't read it" loop_ctl doctor
rm "$LAB/etc/tls/external-sip.key"
mkdir "$LAB/etc/tls/external-sip.key"
refused 1 'external-sip.key' up
nothing_runs
repair

echo "# a key that belongs to another certificate"
cp "$LAB/etc/lab-ca/inside.int.lab.test.key" "$LAB/etc/tls/internal.key"
refused 1 'internal' up
nothing_runs
repair

echo "# a certificate that is not there"
rm "$LAB/etc/tls/internal.crt"
refused 1 'internal.crt' up
nothing_runs
repair

echo "# ports in use: TCP outside, TCP inside, UDP"
for port in "127.0.1.10 443 tcp" "127.0.2.10 5062 tcp" "127.0.1.12 3478 udp"; do
	# shellcheck disable=SC2086
	take $port
	where=$(echo "$port" | sed 's/ /:/; s/ .*//')
	refused 1 "$where.*in use" up
	grep -q "in use by a process of uid 0 .*doctor" "$LAB/refused.log" ||
		fail "does not say whose: $(grep 'in use' "$LAB/refused.log")"
	refused 1 'taken by python3' loop_ctl doctor
	lab_end "$SPAWNED"
	nothing_runs
done

echo "# a second suite on the same ports"
loop_up
sed "s#$LAB/run#$LAB/run-b#" "$CONF" >"$LAB/etc/b.yaml"
for daemon in av-auth av-edge access-edge; do
	refused 1 "in use by a process of uid 6[0-9]*" loop_edge edgectl \
		-c "$LAB/etc/b.yaml" up --only $daemon
done
loop_ctl status >/dev/null || fail "the first suite was hurt"

lab_ok "broken starts are refused by name"
