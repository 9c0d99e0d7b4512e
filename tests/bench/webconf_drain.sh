#!/bin/sh
# B9.6: 5,000 relays and a drain of DEADLINE seconds (30): none is cut before,
# all are at it, new clients hear at once where to go, and the daemon ends
# with status 0.
. "$(dirname "$0")/webconf_lab.sh"

RELAYS=${RELAYS:-5000}
DEADLINE=${DEADLINE:-30}
webconf_up "$WEBCONF_WIDE, drain_alternates: [webcon2.contoso.test]"
PID=$(lab_pid webconf-edge)
webconf_load 127.0.1.11:443 127.0.2.10:8057 --pairs "$RELAYS" --limit 16 \
	--hold "$LAB/held" >"$LAB/load.log" 2>&1 &
LAB_PIDS="$LAB_PIDS $!"
lab_wait 240 "$RELAYS relays" test -f "$LAB/held"
[ "$(webconf_relays)" = "$RELAYS" ] || fail "$(webconf_relays) relays, not $RELAYS"

begin=$(date +%s)
lab_ctl drain webconf-edge --deadline "$DEADLINE" >/dev/null || fail "drain"
in_edge env PYTHONPATH=tests/net PYTHONDONTWRITEBYTECODE=1 python3 -c '
import sys, wce
c = wce.client_tls(sys.argv[1], "webcon.contoso.test", "127.0.1.11", 443)
kind, payload = c.frame()
f = wce.fields(payload)
assert kind == 3 and f[0x20] == b"\2\1", (kind, f)
assert f[0x22] == b"webcon2.contoso.test:443", f
' "$LAB/tls/external-ca.crt" || fail "new clients are not sent elsewhere"
while [ $(($(date +%s) - begin)) -lt $((DEADLINE - 2)) ]; do
	_n=$(webconf_relays)
	# What was counted before the deadline counts.
	[ $(($(date +%s) - begin)) -ge $((DEADLINE - 1)) ] ||
		[ "$_n" = "$RELAYS" ] || fail "$_n of $RELAYS live before it"
	sleep 1
done
echo "$RELAYS relays lived until the deadline"
none() { [ "$(webconf_relays)" = 0 ]; }
lab_wait 20 "the end of all of them" none
kill -TERM "$PID"
is_down() { grep -q "event=child.ended child=webconf-edge pid=$PID status=0" "$LAB/up.log"; }
lab_wait 20 "webconf-edge to end with status 0" is_down
lab_ok "$RELAYS relays through a drain"
