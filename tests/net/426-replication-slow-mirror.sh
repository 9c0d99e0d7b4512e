#!/bin/sh
# R8: mirrors that hold the line. One drips an octet a second, one keeps a
# pace that would take minutes for a head; each is left in time, the next
# base is asked, and what it has is fetched. Meanwhile the edge serves.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/replication.sh"

lab_setup
repl_setup
sed -i "s/    fe.int.contoso.test: 10.0.0.20/&\n    drip.int.contoso.test: 10.0.0.78/" \
	"$LAB/edge.yaml"
BASE=http://drip.int.contoso.test
repl_change "s|^settings:|settings:\n  replication-agent: {pull_from: [$BASE:8081, $BASE:8082, $BASE:8083], pull_every: 1s, pull_side: internal}|"

# The third base is whole; the first two are not.
WWW=$LAB/www
mkdir -p "$WWW/bundles"
lab_spawn drip in_in python3 tests/net/drip.py 10.0.0.78 8081 1
lab_spawn pace in_in python3 tests/net/drip.py 10.0.0.78 8082 3000
lab_spawn mirror in_in python3 -m http.server --bind 10.0.0.78 \
	--directory "$WWW" 8083
lab_listens in_in 8081 8082 8083
repl_bootstrap
NAME=$(python3 tests/net/edgb.py name "$LAB/first.edgb")
cp "$LAB/first.edgb" "$WWW/bundles/$NAME.edgb"
python3 tests/net/edgb.py head "$LAB/signing.pem" "$LAB/first.edgb" \
	>"$WWW/head.edgb"

up_to_date() { [ "$(repl_status up_to_date)" = true ]; }
T0=$(date +%s)
lab_wait 40 "the third base to be asked" up_to_date
TOOK=$(($(date +%s) - T0))
lab_ctl status --json | grep -q '"serving"' || fail "it does not serve"
for what in 'Operation too slow' 'Operation timed out after'; do
	grep 'event=pull.failed' "$LAB/up.log" | grep -q "$what" ||
		fail "no '$what': $(grep pull.failed "$LAB/up.log")"
done
for server in drip pace; do
	lab_wait 5 "$server to be hung up on" grep -q 'hung up' \
		"$LAB/$server.log"
done
[ "$TOOK" -lt 110 ] || fail "two slow mirrors held it for $TOOK s"
lab_ok "two mirrors that hold the line were left after $TOOK s together"
