#!/bin/sh
# The demo by itself: as root on the real ports, as an ordinary user on high
# ones; one JSON object as its last line; nothing left behind; a broken call
# gives status 1.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/loopback.sh"

loop_setup
B=$B
export B

check() {
	tail -n 1 "$LAB/demo.out" >"$LAB/demo.json"
	python3 - "$LAB/demo.json" <<'END' || fail "figures: $(cat "$LAB/demo.json")"
import json, sys
o = json.load(open(sys.argv[1]))
c = o["call"]
assert o["ok"] is True and c["established"] is True
assert c["media"]["sent"] >= 90 and c["media"]["lost"] == 0
assert c["media"]["received"] == c["media"]["sent"]
assert c["relay"]["outside"] and c["relay"]["inside"]
what = [r["what"] for r in o["ladder"]]
for word in ("REGISTER", "SERVICE", "Allocate", "INVITE", "ACK", "BYE"):
    assert word in what, word
w = o["conference"]
assert w["ok"] is True and len(w["session"]) == 32, w
assert [r["what"] for r in w["ladder"]][:4] == [
    "CLIENT_HELLO", "PAIR", "PAIR_OK", "CLIENT_OK"], w["ladder"]
assert [s["name"] for s in w["steps"]] == ["ticket", "tls", "join", "answer"]
END
	[ -z "$(ip netns pids "$EDGE")" ] || fail "processes left"
	[ -z "$(find /run /tmp -maxdepth 1 -name 'sallyport-demo.*' -newer \
		"$LAB/start")" ] || fail "folders left"
}

echo "# as root"
touch "$LAB/start"
loop_edge deploy/demo/demo.sh --once --json --seconds 1 >"$LAB/demo.out" \
	2>"$LAB/demo.log" || fail "demo: $(tail -n 40 "$LAB/demo.log")"
check

echo "# as an ordinary user"
user="setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs"
$user test -x "$B/bin/edgectl" || user=
if [ -n "$user" ]; then
	# shellcheck disable=SC2086
	loop_edge $user deploy/demo/demo.sh --once --json --seconds 1 \
		>"$LAB/demo.out" 2>"$LAB/demo.log" ||
		fail "demo as a user: $(tail -n 40 "$LAB/demo.log")"
	check
fi

echo "# for people"
loop_edge deploy/demo/demo.sh --once --seconds 1 >"$LAB/demo.out" 2>&1 ||
	fail "demo: $(tail -n 40 "$LAB/demo.out")"
for text in 'Access Edge' 'Audio/Video Authentication' 'Audio/Video Edge' \
	'127.0.1.10' 'outside to inside' '├── INVITE' 'call set up in' \
	'Web Conferencing Edge' '127.0.1.11' '├── PAIR' 'CLIENT_OK'; do
	grep -q -- "$text" "$LAB/demo.out" || fail "does not show '$text'"
done

echo "# until interrupted"
lab_spawn demo ip netns exec "$EDGE" deploy/demo/demo.sh --seconds 1
lab_wait 30 "the demo to stay" grep -q 'until Ctrl-C' "$LAB/demo.log"
# A shell in the background can't get SIGINT; the trap is the same.
kill -TERM "$SPAWNED"
lab_wait 15 "the demo to end" sh -c "! kill -0 $SPAWNED"
[ -z "$(ip netns pids "$EDGE")" ] || fail "processes left"

echo "# a port is taken: status 1, and the reason"
take 127.0.1.10 443 tcp
refused 1 '127.0.1.10:443' loop_edge deploy/demo/demo.sh --once --json
tail -n 1 "$LAB/refused.log" >"$LAB/demo.json"
[ "$(lab_json "$LAB/demo.json" ok)" = false ] || fail "no object at the end"

lab_ok "the demo shows a call and cleans up"
