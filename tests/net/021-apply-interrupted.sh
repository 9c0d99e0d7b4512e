#!/bin/sh
# A topology that is being applied when its writer, or a daemon, is killed;
# a disk that is full. Whatever happens, a whole generation is in force, the
# daemons go on, and the next apply works.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/loopback.sh"

DAEMONS="av-auth av-edge access-edge"

loop_setup
# A file system of its own for the state, so that it can be filled.
mkdir "$LAB/state"
mount -t tmpfs -o size=16m,mode=755 sallyport-test "$LAB/state" ||
	skip "can't mount a tmpfs here"
trap 'umount -l "$LAB/state"; lab_teardown' EXIT
loop_init
loop_inside
loop_up

cp "$LAB/etc/topology.yaml" "$LAB/a.yaml"
# Two topologies that differ in one setting.
variant() {
	loop_ctl topology dump >"$LAB/dump.yaml" || fail "dump"
	python3 - "$LAB/a.yaml" "$1" >"$LAB/$1.yaml" <<'END'
import sys
text = open(sys.argv[1]).read()
line = "    flow_timer: %ss\n" % sys.argv[2]
if "\n  access-edge:\n" in text:
    text = text.replace("\n  access-edge:\n", "\n  access-edge:\n" + line)
elif "\nsettings:\n" in text:
    text = text.replace("\nsettings:\n", "\nsettings:\n  access-edge:\n" + line)
else:
    text += "settings:\n  access-edge:\n" + line
print(text, end="")
END
}
timer() { # of what is current
	loop_ctl topology show --json | python3 -c '
import json, sys
for row in json.load(sys.stdin)["settings"]:
    if row["name"] == "flow_timer": print(row["value"])'
}
variant 61
variant 62
loop_ctl topology apply "$LAB/61.yaml" >/dev/null || fail "first apply"
[ "$(timer)" = 61s ] || fail "flow_timer is $(timer)"
for d in $DAEMONS; do loop_pid "$d" >"$LAB/pid-$d" || fail "$d has no pid"; done

echo "# the writer killed 25 times"
n=0
while [ "$n" -lt 25 ]; do
	n=$((n + 1))
	want=$((61 + n % 2))
	loop_edge timeout -s KILL "0.0$((n * 3 + 10))" \
		edgectl -c "$CONF" topology apply "$LAB/$want.yaml" \
		>/dev/null 2>&1 || true
	now=$(timer) || fail "nothing whole is current after $n kills"
	case $now in 61s | 62s) ;; *) fail "flow_timer is $now" ;; esac
done
loop_ctl topology apply "$LAB/61.yaml" >/dev/null || fail "apply after kills"
loop_ctl topology apply "$LAB/62.yaml" >/dev/null || fail "apply after kills"
[ "$(timer)" = 62s ] || fail "flow_timer is $(timer)"
for d in $DAEMONS; do
	[ "$(loop_pid "$d")" = "$(cat "$LAB/pid-$d")" ] || fail "$d was restarted"
done
loop_call || fail "call: $(cat "$LAB/call.json")"

echo "# a daemon killed in the middle of an apply"
for d in $DAEMONS; do
	old=$(loop_pid "$d")
	loop_ctl topology apply "$LAB/61.yaml" >"$LAB/apply.log" 2>&1 &
	apply=$!
	kill -9 "$old"
	wait "$apply" || echo "  refused: $(tail -n 1 "$LAB/apply.log")"
	back() { new=$(loop_pid "$d") && [ "$new" != "$old" ]; }
	lab_wait 10 "$d to come back" back
	case $(timer) in 61s | 62s) ;; *) fail "flow_timer is $(timer)" ;; esac
	loop_ctl topology apply "$LAB/62.yaml" >/dev/null || fail "apply after $d"
done
loop_ctl status >/dev/null || fail "status: $(loop_ctl status)"

echo "# the disk full: told, and the old one stays"
dd if=/dev/zero of="$LAB/state/filler" bs=4k 2>/dev/null || true
before=$(timer)
refused 1 'the disk is full' loop_ctl topology apply "$LAB/61.yaml"
[ "$(timer)" = "$before" ] || fail "a full disk changed what is current"
loop_call || fail "call on a full disk: $(cat "$LAB/call.json")"
rm "$LAB/state/filler"
loop_ctl topology apply "$LAB/61.yaml" >/dev/null || fail "apply with room"
[ "$(timer)" = 61s ] || fail "flow_timer is $(timer)"
loop_ctl topology rollback >/dev/null || fail "rollback"
[ "$(timer)" = "$before" ] || fail "rollback to $(timer)"
lab_ok "apply is all or nothing"
