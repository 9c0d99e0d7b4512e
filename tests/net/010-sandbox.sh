#!/bin/sh
# The sandbox is on in every daemon that runs: the kernel says so in
# /proc/PID/status, and the daemon's own status agrees; and nothing but the
# services can be reached (T16, S18).
. "$(dirname "$0")/lib.sh"

daemons="access-edge av-auth av-edge webconf-edge replication-agent"
lab_setup
lab_cert webconf external-ca webcon.contoso.test
sed -i "s|^  internal: {chain|  external-webconf: {chain: $LAB/tls/webconf.crt, key: $LAB/tls/webconf.key}\n&|" \
	"$LAB/edge.yaml"
sed -i -e 's|^    av: {name.*|&\n    webconf: {name: webcon.contoso.test}|' \
	-e 's|^        av: .*|&\n        webconf: 198.51.100.20|' \
	"$LAB/topology.yaml"
lab_up
all_serve() {
	lab_ctl status --json >"$LAB/status.json" || return 1
	[ "$(grep -o '"serving"' "$LAB/status.json" | wc -l)" -eq 5 ]
}
lab_wait 10 "all five to serve" all_serve

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
for daemon in $daemons; do
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
	# Whose ports are all high needs none.
	case $daemon in av-auth | replication-agent)
		is "$daemon" CapEff "$(field "$pid" CapEff)" 0000000000000000 ;;
	esac

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
for daemon in $daemons; do
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
want="${want}tcp/10.0.0.10:5062 tcp/10.0.0.10:8057 tcp/198.51.100.10:443 "
want="${want}tcp/198.51.100.20:443 tcp/198.51.100.30:443 "
want="${want}udp/10.0.0.10:3478 udp/198.51.100.30:3478 "
is "the edge" "what listens" "$listens" "$want"

lab_ok "sandbox on in five daemons, strangers kept out"
