#!/bin/sh
# S8: SLOW (4000) connections that say nothing, half a hello or a byte now and
# then, from 500 addresses, against the default limits: who joins as he should
# gets in, soon; the memory of the edge has a bound; when they are gone
# nothing is left. The same inside, where no certificate is shown.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/webconf.sh"

command -v python3 >/dev/null || skip "needs python3"
SLOW=${SLOW:-4000}
JOINS=${JOINS:-60}
P99_MS=${P99_MS:-1000} # other tests share this machine
webconf_setup
webconf_up
for net in 203.0.113.0/24 192.0.2.0/24; do
	ip -n "$OUT" route add local "$net" dev lo
	ip -n "$EDGE" route add "$net" dev ext0
	ip -n "$IN" route add local "$net" dev lo
done
PID=$(lab_pid webconf-edge)
lab_spawn www in_in python3 -m http.server -b 10.0.0.20 -d "$LAB/tls" 8080
webconf_connector fe-connector fe 10.0.0.20:8080
webconf_registered 1
webconf_ticket "$LAB/ticket" --reusable
rss() { awk '/^VmRSS:/{print $2}' "/proc/$PID/status"; }
before=$(rss)
in_out env PYTHONPATH=tests/net PYTHONDONTWRITEBYTECODE=1 \
	python3 tests/net/webconf_slow.py "$LAB/tls/external-ca.crt" \
	webcon.contoso.test 198.51.100.20 "$SLOW" "$(cat "$LAB/ticket")" \
	"$WC_URI" "$JOINS" >"$LAB/slow.json" || fail "slow: $(cat "$LAB/slow.json")"
after=$(rss)
cat "$LAB/slow.json"
echo "the edge grew from $before to $after KiB"
python3 - "$LAB/slow.json" "$P99_MS" <<'END' || fail "not good enough"
import json, sys
o = json.load(open(sys.argv[1]))
assert o["opened"] >= o["slow"] and o["ended"] > 0, "no flood"
assert o["failed"] * 100 <= o["joins"] + o["failed"], "joins failed"
# A machine that is busy anyway is slow without a flood, too.
assert o["tls_p99_ms"] < max(float(sys.argv[2]), 10 * o["alone_p99_ms"]), \
    "slow handshakes"
END
grep -q __asan_init "$B/bin/webconf-edge" ||
	[ $((after - before)) -lt 160000 ] || fail "too much memory"
[ "$(webconf_counter 'clients_refused_total{cause="crowded"}')" -gt 0 ] ||
	fail "nobody was told to go"
[ "$(lab_pid webconf-edge)" = "$PID" ] || fail "webconf-edge was started again"
nobody_waits() { [ "$(webconf_counter clients_pending)" = 0 ]; }
lab_wait 15 "the slow ones to be gone" nobody_waits
webconf_test >/dev/null || fail "no join afterwards"
lab_ok "slow ones by the thousand"
