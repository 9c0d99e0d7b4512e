# The suite on loopback addresses in a namespace of its own, set up by
# `edgectl init --loopback`, with the inside stand-in. Source after lib.sh.

# loop_setup: an empty namespace with its loopback device, and $LAB.
loop_setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root for a network namespace"
	LAB=$(mktemp -d /tmp/sallyport-test.XXXXXX)
	chmod 755 "$LAB"
	trap lab_teardown EXIT
	trap 'exit 1' INT TERM
	ip netns add "$EDGE"
	ip -n "$EDGE" link set lo up
	CONF=$LAB/etc/edge.yaml
}

# Nothing here takes longer; what does is broken.
loop_edge() { timeout 60 ip netns exec "$EDGE" "$@"; }
loop_ctl() { loop_edge edgectl -c "$CONF" "$@"; }

# loop_init [OPTION...]
loop_init() {
	loop_edge edgectl init --loopback --directory "$LAB/etc" \
		--run-dir "$LAB/run" --state-dir "$LAB/state" \
		--peer inside.int.lab.test "$@" >"$LAB/init.log" 2>&1 ||
		fail "edgectl init: $(cat "$LAB/init.log")"
}

loop_inside() {
	lab_spawn inside ip netns exec "$EDGE" inside --listen 127.0.2.20:5061 \
		--cert "$LAB/etc/lab-ca/inside.int.lab.test.crt" \
		--key "$LAB/etc/lab-ca/inside.int.lab.test.key" \
		--ca "$LAB/etc/tls/internal-ca.crt" --domain lab.test \
		--edge edge.int.lab.test=127.0.2.10:5061 \
		--av-auth edge.int.lab.test=127.0.2.10:5062
	INSIDE_PID=$SPAWNED
	lab_listens loop_edge 5061
}

# The pid of a spawned `ip netns exec` is the program's own.
# loop_up: start it and wait until it says that it is ready.
loop_up() {
	rm -f "$LAB/up.log" # of the one before, which was ready too
	lab_spawn up ip netns exec "$EDGE" edgectl -c "$CONF" up
	UP_PID=$SPAWNED
	lab_wait 20 "edgectl up to be ready" grep -qs '^ready$' "$LAB/up.log"
}

# loop_call [OPTION...]: a call of one second; its report in $LAB/call.json.
loop_call() {
	loop_ctl test call --from sip:alice@lab.test --to sip:bob@lab.test \
		--outside-address 127.0.3.10 --inside-address 127.0.4.10 \
		--seconds 1 --json "$@" >"$LAB/call.json"
}

# loop_pid DAEMON, as the daemon itself says; fails when it does not answer.
loop_pid() {
	loop_ctl status --json >"$LAB/status.json" || true
	python3 - "$LAB/status.json" "$1" <<'END'
import json, sys
for row in json.load(open(sys.argv[1])).get("daemons", []):
    if row.get("daemon") == sys.argv[2] and "pid" in row:
        print(row["pid"])
        sys.exit(0)
sys.exit(1)
END
}

# refused STATUS TEXT COMMAND...: the command must end with this status and
# say this; what it said is in $LAB/refused.log.
refused() {
	_want=$1
	_text=$2
	shift 2
	_got=0
	"$@" >"$LAB/refused.log" 2>&1 || _got=$?
	[ "$_got" -eq "$_want" ] ||
		fail "status $_got, not $_want: $* ($(tail -n 3 "$LAB/refused.log"))"
	grep -q -- "$_text" "$LAB/refused.log" ||
		fail "does not say '$_text': $(tail -n 5 "$LAB/refused.log")"
}

# take ADDRESS PORT tcp|udp: another program sits there, its pid in $SPAWNED.
take() {
	rm -f "$LAB/taker.log"
	lab_spawn taker ip netns exec "$EDGE" python3 -c '
import socket, sys, time
kind = socket.SOCK_DGRAM if sys.argv[3] == "udp" else socket.SOCK_STREAM
s = socket.socket(socket.AF_INET, kind)
if kind == socket.SOCK_STREAM: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], int(sys.argv[2])))
if kind == socket.SOCK_STREAM: s.listen()
print("taken", flush=True)
time.sleep(60)' "$@"
	lab_wait 5 "the port to be taken" grep -q taken "$LAB/taker.log"
}
