#!/bin/sh
# What `make demo` runs: the suite on loopback addresses with a lab authority
# and a stand-in for the inside, and a real call through it. Stays until
# interrupted; with --once it ends by itself, status 0 or 1. What stands for
# the inside: a SIP server, a meeting server, webconf-connector beside it.
#
#   demo.sh [--once] [--json] [--seconds N]
#
# --json prints one object as the last line of standard output, everything
# else goes to standard error. State lies in a new folder below /run or /tmp
# and goes away at the end, like every process that was started here.
set -u

TOP=$(cd "$(dirname "$0")/../.." && pwd)
B=${B:-build}
case $B in /*) ;; *) B=$TOP/$B ;; esac
once=
json=
seconds=5
inside_pid=
up_pid=
meeting_pid=
connector_pid=
dir=

say() { printf '%s\n' "$*" >&"$out"; }
die() {
	printf 'demo: %s\n' "$*" >&2
	if [ -n "$json" ]; then
		printf '{"ok":false,"failed":{"step":"demo","text":"%s"}}\n' \
			"$(printf '%s' "$*" | tr -d '"\\\n')"
	fi
	exit 1
}

while [ $# -gt 0 ]; do
	case $1 in
	--once) once=1 ;;
	--json) json=1 once=1 ;;
	--seconds)
		shift
		seconds=${1:-5}
		;;
	*)
		echo "usage: demo.sh [--once] [--json] [--seconds N]" >&2
		exit 2
		;;
	esac
	shift
done
out=1
[ -z "$json" ] || out=2

# ---- nothing stays behind -------------------------------------------------
# end PID: ask, wait at most six seconds, make sure.
end() {
	[ -n "$1" ] || return 0
	kill "$1" 2>/dev/null || return 0
	_n=60
	while kill -0 "$1" 2>/dev/null && [ $_n -gt 0 ]; do
		_n=$((_n - 1))
		sleep 0.1
	done
	kill -9 "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

clean() {
	_status=$?
	trap - EXIT
	trap '' INT TERM HUP PIPE
	end "$connector_pid"
	end "$up_pid"
	end "$inside_pid"
	end "$meeting_pid"
	[ -z "$dir" ] || rm -rf "$dir"
	exit $_status
}
trap clean EXIT
trap 'exit 0' INT TERM HUP
trap 'exit 1' PIPE # the reader of what we say is gone

# ---- the lab --------------------------------------------------------------
add=10000
base=/tmp
if [ "$(id -u)" -eq 0 ]; then
	add=0
	[ -w /run ] && base=/run
fi
dir=$(mktemp -d "$base/sallyport-demo.XXXXXX") || die "no folder in $base"
chmod 755 "$dir"
conf=$dir/etc/edge.yaml
ctl() { "$B/bin/edgectl" -c "$conf" "$@"; }

say "== Set up: loopback addresses, a lab authority, state in $dir"
ctl init --loopback --directory "$dir/etc" --run-dir "$dir/run" \
	--state-dir "$dir/state" --peer inside.int.lab.test \
	>"$dir/init.log" 2>&1 || die "init: $(tail -n 1 "$dir/init.log")"

"$B/bin/inside" --listen 127.0.2.20:$((5061 + add)) \
	--cert "$dir/etc/lab-ca/inside.int.lab.test.crt" \
	--key "$dir/etc/lab-ca/inside.int.lab.test.key" \
	--ca "$dir/etc/tls/internal-ca.crt" --domain lab.test \
	--edge edge.int.lab.test=127.0.2.10:$((5061 + add)) \
	--av-auth edge.int.lab.test=127.0.2.10:$((5062 + add)) \
	--trace >"$dir/inside.trace" 2>"$dir/inside.log" &
inside_pid=$!

"$B/bin/edgectl" -c "$conf" up >"$dir/up.out" 2>"$dir/up.log" &
up_pid=$!
n=200
until grep -qs '^ready$' "$dir/up.out"; do
	n=$((n - 1))
	if [ $n -eq 0 ] || ! kill -0 "$up_pid" 2>/dev/null; then
		up_pid=
		cat "$dir/up.log" >&2
		die "the suite did not start; its log is above"
	fi
	sleep 0.1
done
kill -0 "$inside_pid" 2>/dev/null ||
	die "the inside stand-in ended: $(tail -n 1 "$dir/inside.log")"

# ---- the meeting server inside, and its connector ---------------------------
"$B/bin/meeting" 127.0.2.30:$((8080 + add)) 2>"$dir/meeting.log" &
meeting_pid=$!
mkdir "$dir/connector"
{
	ctl topology dump --connector
	cat <<END
pool: inside.int.lab.test
certificate:
  chain: $dir/etc/lab-ca/inside.int.lab.test.crt
  key: $dir/etc/lab-ca/inside.int.lab.test.key
trust: $dir/etc/tls/internal-ca.crt
target: 127.0.2.30:$((8080 + add))
state_dir: $dir/connector/state
run_dir: $dir/connector
END
	[ $add -ne 0 ] || echo "user: nobody"
} >"$dir/connector.yaml" || die "no connector.yaml"
"$B/bin/webconf-connector" -c "$dir/connector.yaml" \
	2>"$dir/connector.log" &
connector_pid=$!
socket=$dir/connector/webconf-connector.admin.sock
n=100
until grep -qs 'event=edge.connected' "$dir/connector.log"; do
	n=$((n - 1))
	if [ $n -eq 0 ] || ! kill -0 "$connector_pid" 2>/dev/null; then
		cat "$dir/connector.log" >&2
		die "the connector does not reach the edge; its log is above"
	fi
	sleep 0.1
done
kill -0 "$meeting_pid" 2>/dev/null ||
	die "the meeting stand-in ended: $(tail -n 1 "$dir/meeting.log")"

# ---- the call -------------------------------------------------------------
call() {
	ctl test call --from sip:alice@lab.test --to sip:bob@lab.test \
		--outside-address 127.0.3.10 --inside-address 127.0.4.10 \
		--inside-trace "$dir/inside.trace" --seconds "$seconds" "$@"
}

say "== A call: alice outside to bob inside, $seconds s of sound both ways"
say ""
status=0
if [ -n "$json" ]; then
	call --json >"$dir/call.json" || status=1
else
	call || status=1
fi

# ---- the conference --------------------------------------------------------
conference() {
	ctl test webconf --conference sip:alice@lab.test --connector "$socket" \
		--local-address 127.0.3.10 --send 'hello\n' --expect hello "$@"
}

say ""
say "== A web conference: a client outside joins the meeting server inside"
say ""
if [ -n "$json" ]; then
	conference --json >"$dir/conference.json" || status=1
else
	conference || status=1
fi

say ""
say "== Ports"
say ""
ctl ports >&$out || status=1
say ""
say "== Doctor: what is not as in production"
say ""
ctl doctor >"$dir/doctor.log" 2>&1 || status=1
grep -v '^  ok ' "$dir/doctor.log" >&$out

if [ $status -ne 0 ]; then
	echo "== Last lines of the daemons" >&2
	tail -n 30 "$dir/up.log" >&2
	tail -n 10 "$dir/connector.log" >&2
fi
if [ -n "$json" ]; then
	[ -s "$dir/call.json" ] || die "the call printed nothing"
	[ -s "$dir/conference.json" ] || die "the conference printed nothing"
	# One object: the call's, with the conference inside, and one verdict.
	call=$(tail -n 1 "$dir/call.json")
	[ $status -eq 0 ] || call=$(printf '%s' "$call" |
		sed 's/"ok":true/"ok":false/')
	printf '%s,"conference":%s}\n' "${call%\}}" \
		"$(tail -n 1 "$dir/conference.json")"
fi
[ -z "$once" ] || exit $status

cat <<END

== The suite runs until Ctrl-C. In another terminal:

  alias edgectl='$B/bin/edgectl -c $conf'
  edgectl status
  edgectl ports
  edgectl doctor
  kill -9 \$(pidof av-edge)        # up starts it again within a second
  edgectl test call --from sip:alice@lab.test --to sip:bob@lab.test
  edgectl webconf servers
  edgectl test webconf --conference sip:alice@lab.test --connector $socket
  tail -f $dir/up.log
END
wait "$up_pid"
