#!/bin/sh
# Any daemon killed with SIGKILL: the others go on, `edgectl up` has it back
# within a second, and the next call works. SIGTERM leaves nothing behind.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/loopback.sh"

DAEMONS="av-auth av-edge access-edge"
# A daemon under a sanitizer takes a second to start when four tests run.
case $B in
*asan* | *tsan*) : "${RESTART_MAX_MS:=10000}" ;;
*) : "${RESTART_MAX_MS:=1000}" ;;
esac

loop_setup
loop_init
loop_inside
loop_up

echo "# every port of the table is open and belongs to its daemon"
loop_ctl ports --json >"$LAB/ports.json" || fail "ports: $(cat "$LAB/ports.json")"
loop_ctl doctor >"$LAB/doctor.log" || fail "doctor: $(cat "$LAB/doctor.log")"
loop_call || fail "first call: $(cat "$LAB/call.json")"
[ "$(lab_json "$LAB/call.json" call.media.lost)" = 0 ] ||
	fail "first call lost packets"

echo "# a second supervisor in the same place is refused"
refused 1 'another .edgectl up. runs here' loop_edge edgectl -c "$CONF" up

for daemon in $DAEMONS; do
	echo "# kill -9 $daemon"
	for d in $DAEMONS; do
		loop_pid "$d" >"$LAB/pid-$d" || fail "$d has no pid"
	done
	old=$(cat "$LAB/pid-$daemon")
	t0=$(date +%s%N)
	kill -9 "$old"
	until new=$(loop_pid "$daemon") && [ "$new" != "$old" ]; do
		[ $((($(date +%s%N) - t0) / 1000000)) -lt 60000 ] ||
			fail "$daemon was not started again"
	done
	ms=$((($(date +%s%N) - t0) / 1000000))
	echo "  back after $ms ms"
	[ "$ms" -lt "$RESTART_MAX_MS" ] || fail "$daemon took $ms ms"
	for d in $DAEMONS; do
		[ "$d" = "$daemon" ] || [ "$(loop_pid "$d")" = \
			"$(cat "$LAB/pid-$d")" ] || fail "$d did not go on"
	done
	loop_call || fail "call after $daemon: $(cat "$LAB/call.json")"
	loop_call --reverse ||
		fail "call outwards after $daemon: $(cat "$LAB/call.json")"
done

echo "# kill -9 of the supervisor: its daemons end, the next one starts"
for d in $DAEMONS; do
	loop_pid "$d" >"$LAB/pid-$d" || fail "$d has no pid"
done
kill -9 "$UP_PID"
for d in $DAEMONS; do
	# shellcheck disable=SC2016
	lab_wait 5 "$d to end with its supervisor" \
		sh -c '! kill -0 "$1" 2>/dev/null' sh "$(cat "$LAB/pid-$d")"
done
loop_up
loop_call || fail "call after the supervisor: $(cat "$LAB/call.json")"

echo "# drain and resume"
loop_ctl drain >/dev/null || fail "drain"
refused 1 'draining' loop_ctl status
loop_ctl resume >/dev/null || fail "resume"
loop_ctl status >/dev/null || fail "status after resume"
loop_call || fail "call after resume: $(cat "$LAB/call.json")"

echo "# SIGTERM: all of them end, their sockets go"
kill "$UP_PID"
wait "$UP_PID" || fail "edgectl up ended with status $?"
for d in $DAEMONS; do
	pid=$(cat "$LAB/pid-$d")
	[ ! -d "/proc/$pid" ] || [ "$(cat "/proc/$pid/comm")" != "$d" ] ||
		fail "$d still runs"
done
[ -z "$(find "$LAB/run" -name '*.sock')" ] || fail "sockets left"
[ -z "$(in_edge ss -Hltn 'src 127.0.1.0/24 or src 127.0.2.10')" ] ||
	fail "ports left open"

lab_ok "restarts within a second, calls go on"
