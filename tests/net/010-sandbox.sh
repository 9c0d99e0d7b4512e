#!/bin/sh
# The sandbox is on in every daemon that runs: the kernel says so in
# /proc/PID/status, and the daemon's own status agrees; and nothing but the
# services can be reached (T16, S18).
. "$(dirname "$0")/lib.sh"

lab_setup
lab_up

# field PID NAME: a line of /proc/PID/status.
field() {
	sed -n "s/^$2:[[:blank:]]*//p" "/proc/$1/status"
}

# is DAEMON WHAT GOT WANT
is() {
	[ "$3" = "$4" ] || fail "$1: $2 is $3, not $4"
}

bind_low=0000000000000400 # CAP_NET_BIND_SERVICE
uids=
for daemon in access-edge av-auth av-edge; do
	pid=$(lab_pid "$daemon") || fail "$daemon does not run"
	is "$daemon" Seccomp "$(field "$pid" Seccomp)" 2
	is "$daemon" NoNewPrivs "$(field "$pid" NoNewPrivs)" 1
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		case $(field "$pid" $set) in
		0000000000000000) ;;
		"$bind_low") ;;
		*) fail "$daemon: $set is $(field "$pid" $set)" ;;
		esac
	done
	is "$daemon" CapAmb "$(field "$pid" CapAmb)" 0000000000000000
	[ "$daemon" != av-auth ] ||
		is "$daemon" CapEff "$(field "$pid" CapEff)" 0000000000000000

	# Real, effective, saved and file system user are one, and not root.
	uid=$(field "$pid" Uid | tr '\t' '\n' | sort -u)
	case $uid in
	*[!0-9]* | 0) fail "$daemon runs as user $uid" ;;
	esac
	case " $uids " in
	*" $uid "*) fail "$daemon shares user $uid with another daemon" ;;
	esac
	uids="$uids $uid"

	# Every thread, not only the first.
	for task in /proc/"$pid"/task/*/status; do
		grep -q '^Seccomp:[[:blank:]]*2$' "$task" ||
			fail "$daemon: no filter in $task"
	done

	curl -sf --unix-socket "$LAB/run/$daemon.sock" http://bus/v1/status \
		>"$LAB/$daemon.json" || fail "$daemon does not answer"
	is "$daemon" sandbox.seccomp \
		"$(lab_json "$LAB/$daemon.json" sandbox.seccomp)" true
	is "$daemon" sandbox.no_new_privs \
		"$(lab_json "$LAB/$daemon.json" sandbox.no_new_privs)" true
	is "$daemon" sandbox.uid \
		"$(lab_json "$LAB/$daemon.json" sandbox.uid)" "$uid"
	abi=$(lab_json "$LAB/$daemon.json" sandbox.landlock_abi)
	if grep -q landlock /sys/kernel/security/lsm 2>/dev/null; then
		[ "$abi" -gt 0 ] || fail "$daemon: Landlock is there, not used"
	fi
	echo "$daemon: user $uid, landlock $abi," \
		"$(lab_json "$LAB/$daemon.json" sandbox.syscalls) system calls"
done

# Threat S18: another local user gets nothing out of any socket.
for daemon in access-edge av-auth av-edge; do
	for socket in "$daemon.sock" "$daemon.admin.sock"; do
		if setpriv --reuid 61999 --regid 61999 --clear-groups \
			curl -s --unix-socket "$LAB/run/$socket" \
			http://bus/v1/status >/dev/null 2>&1; then
			fail "user 61999 was answered at $socket"
		fi
	done
done

# Threat T16: no bus, no metrics and no page for administrators at any IP
# port: what listens is what the topology names, and each port once.
in_edge ss -Hltun >"$LAB/listens.txt" || fail "ss"
listens=$(awk '{ print $1 "/" $5 }' "$LAB/listens.txt" | sed 's/%[^:]*//' |
	sort -u | tr '\n' ' ')
want='tcp/10.0.0.10:443 tcp/10.0.0.10:4443 tcp/10.0.0.10:5061 '
want="${want}tcp/10.0.0.10:5062 tcp/198.51.100.10:443 tcp/198.51.100.30:443 "
want="${want}udp/10.0.0.10:3478 udp/198.51.100.30:3478 "
is "the edge" "what listens" "$listens" "$want"

lab_ok "sandbox on in three daemons, strangers kept out"
