#!/bin/sh
# Two publishers on one PostgreSQL: the record's own tests, then the leader
# is killed in the middle of a roll-out, then it is split off.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"

PGBIN=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
[ -n "$PGBIN" ] || skip "needs the package postgresql"
fleet_setup

# As nobody: initdb refuses root. Only a socket in a folder of its own.
mkdir -m 755 "$LAB/pg"
chown 65534:65534 "$LAB/pg"
as_nobody() {
	(cd "$LAB/pg" && setpriv --reuid=65534 --regid=65534 --clear-groups "$@")
}
echo not-a-word-in-argv >"$LAB/pg/word"
as_nobody "$PGBIN/initdb" -D "$LAB/pg/data" -U sallyport -A scram-sha-256 \
	--pwfile="$LAB/pg/word" >"$LAB/initdb.log" 2>&1 ||
	fail "initdb: $(cat "$LAB/initdb.log")"
# The second publisher comes by name, over TLS.
fleet_cert pg localhost
cp "$LAB/tls/pg.crt" "$LAB/tls/pg.key" "$LAB/pg/"
chown 65534:65534 "$LAB"/pg/pg.*
chmod 600 "$LAB/pg/pg.key"
postgres() { # its pid in POSTGRES
	lab_spawn postgres ip netns exec "$EDGE" setpriv --reuid=65534 \
		--regid=65534 --clear-groups "$PGBIN/postgres" \
		-D "$LAB/pg/data" -k "$LAB/pg" -c listen_addresses=127.0.0.1 \
		-c ssl=on -c "ssl_cert_file=$LAB/pg/pg.crt" \
		-c "ssl_key_file=$LAB/pg/pg.key" -c fsync=off \
		-c logging_collector=off
	POSTGRES=$SPAWNED
}
postgres
lab_wait 20 "PostgreSQL" "$PGBIN/pg_isready" -h "$LAB/pg"

# libpq finds its password in its own file, we never see it.
printf '*:*:*:sallyport:not-a-word-in-argv\n' >"$LAB/pgpass"
printf '[sallyport]\nhost=%s\nuser=sallyport\ndbname=postgres\npassfile=%s\n' \
	"$LAB/pg" "$LAB/pgpass" >"$LAB/service.conf"
sed -e 's/^.sallyport.$/[remote]/' -e 's/^host=.*/host=localhost/' \
	"$LAB/service.conf" >"$LAB/remote.conf"
printf 'sslmode=verify-full\nsslrootcert=%s\n' "$LAB/tls/ca.crt" \
	>>"$LAB/remote.conf"
cat "$LAB/remote.conf" >>"$LAB/service.conf"
chmod 600 "$LAB/pgpass"
PGSERVICEFILE=$LAB/service.conf
export PGSERVICEFILE
sql() { "$PGBIN/psql" service=sallyport -Atqc "$1"; }

# ---- the record is the same on either ---------------------------------------
if [ -x "$B/tests/unit/edgectl/test_record" ]; then
	RECORD_POSTGRES=service=sallyport \
		in_edge "$B/tests/unit/edgectl/test_record" >"$LAB/unit.log" \
		2>&1 || fail "record: $(cat "$LAB/unit.log")"
	sql "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
fi

# ---- two publishers ---------------------------------------------------------
fleet_cert pub2 pub2.int.test
fleet_publisher pub '{postgres: "service=sallyport"}'
fleet_publisher pub2 '{postgres: "service=remote"}'
echo 'record: {postgres: "host=x password=secret"}' >"$LAB/bad.yaml"
sed '/^record/d' "$LAB/pub.yaml" >>"$LAB/bad.yaml"
fleet_ctl publish status --publisher "$LAB/bad.yaml" >"$LAB/out" 2>&1 &&
	fail "a password in publisher.yaml was taken"
grep -q "no password here" "$LAB/out" || fail "$(cat "$LAB/out")"

FLEET_PER_POOL=2
fleet_edges 4
fleet_topology 2 2
pub key generate >"$LAB/key.log" || fail "key: $(cat "$LAB/key.log")"
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" --no-wait \
	>"$LAB/out" 2>&1 || fail "first: $(cat "$LAB/out")"
fleet_carry 4
fleet_agents 4
serve() { # NAME: its pid in SERVE
	lab_spawn "serve-$1" ip netns exec "$EDGE" edgectl publish serve \
		--publisher "$LAB/$1.yaml"
	SERVE=$SPAWNED
}
serve pub
ONE=$SERVE
lab_wait 10 "the first in office" grep -q publisher.office "$LAB/serve-pub.log"
serve pub2
TWO=$SERVE
sleep 1
grep -q publisher.office "$LAB/serve-pub2.log" && fail "two in office"
status_ok() { pub status --json >"$LAB/status.json"; }
all_current() {
	status_ok || true
	python3 - "$LAB/status.json" <<'END'
import json, sys
s = json.load(open(sys.argv[1]))
v = s["publication"]["version"]
sys.exit(not (s["publication"]["state"] == "done" and
    all(r["UpToDate"] and r.get("version") == v for r in s["replicas"])))
END
}
# Keys of the pools included, which come by themselves.
keyed() { all_current && [ "$(sql 'SELECT COUNT(*) FROM envelope')" = 8 ]; }
lab_wait 30 "the fleet to be current" keyed
epoch() { sql "SELECT value FROM state WHERE key='epoch'"; }
E1=$(epoch)

# A password is nowhere to be seen; each is in its sandbox (S18).
for p in $ONE $TWO; do
	grep -q '^Seccomp:[[:blank:]]*2$' "/proc/$p/status" ||
		fail "no system call filter"
	tr '\0' ' ' <"/proc/$p/cmdline" | grep -q not-a-word && fail "argv"
done
no_secrets() { # S16: neither the password nor a signing key is in any output
	! grep -lF -e not-a-word -e "$(sed -n 2p "$LAB/pub/signing.pem")" \
		"$LAB"/*.log "$LAB"/*.json "$LAB/out" || fail "S16: a secret"
}
no_secrets

# ---- kill -9 in the middle of a roll-out ------------------------------------
fleet_topology 2 2 middle
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub2.yaml" \
	--hold 30 --no-wait >"$LAB/out" 2>&1 || fail "order: $(cat "$LAB/out")"
half() { [ "$(sql "SELECT COUNT(*) FROM replica WHERE state='active'")" = 2 ] &&
	[ "$(sql "SELECT COUNT(*) FROM replica WHERE state='staged'")" = 2 ]; }
lab_wait 20 "the canaries to be active and the rest staged" half
MIDDLE=$(sql "SELECT MAX(serial) FROM publication")
sql "SELECT encode(bundle, 'hex') FROM publication WHERE serial=$MIDDLE" |
	xxd -r -p >"$LAB/middle.edgb"
MSHA=$(sql "SELECT sha256 FROM publication WHERE serial=$MIDDLE")
kill -9 "$ONE"
# The take-over keeps the options: its canaries are watched as long.
sql "UPDATE publication SET options='{\"hold_s\":0}' WHERE serial=$MIDDLE"
lab_wait 20 "the second in office" grep -q publisher.office \
	"$LAB/serve-pub2.log"
lab_wait 30 "the second to finish" all_current
E2=$(epoch)
[ "$E2" -gt "$E1" ] || fail "epoch $E2 after $E1"
sql "SELECT reason FROM publication ORDER BY epoch DESC, serial DESC LIMIT 1" |
	grep -q "taken over" || fail "it does not say that it took over"
for i in 1 2 3 4; do
	fleet_is $i current.epoch "$E2" || fail "e$i is not on epoch $E2"
done
# The old one's bundle, once more: nobody takes it.
refused() { # I
	in_edge curl -s -o "$LAB/refused.json" -w '%{http_code}' --max-time 10 \
		--cert "$LAB/tls/pub.crt" --key "$LAB/tls/pub.key" \
		--cacert "$LAB/tls/ca.crt" -H 'Expect:' \
		-H "Edge-Version: $E1.$MIDDLE" \
		-H 'Content-Type: application/vnd.sallyport.bundle' \
		--resolve "e$1.int.test:4443:127.2.0.$(($1 + 1))" \
		-T "$LAB/middle.edgb" \
		"https://e$1.int.test:4443/replication/v1/bundles/$MSHA"
}
for i in 1 2 3 4; do
	[ "$(refused $i)" = 409 ] || fail "e$i: $(cat "$LAB/refused.json")"
done

# ---- a split: the leader sleeps, its session ends, the other takes over -----
serve pub
THREE=$SERVE
lab_wait 10 "a stand-by" grep -q publisher.started "$LAB/serve-pub.log"
sleep 1
kill -STOP "$TWO"
sql "SELECT pg_terminate_backend(l.pid) FROM pg_locks l
	WHERE locktype='advisory' AND granted" >/dev/null
lab_wait 20 "the other in office" grep -q publisher.office \
	"$LAB/serve-pub.log"
E3=$(epoch)
[ "$E3" -gt "$E2" ] || fail "epoch $E3 after $E2"
fleet_topology 2 2 split
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
	>"$LAB/out" 2>&1 || fail "after the split: $(cat "$LAB/out")"
kill -CONT "$TWO"
lab_wait 20 "the one split off to notice" grep -q publisher.record_lost \
	"$LAB/serve-pub2.log"
sleep 2
for i in 1 2 3 4; do
	fleet_is $i current.epoch "$E3" || fail "e$i left epoch $E3"
done
[ "$(epoch)" = "$E3" ] || fail "the office went back"

# ---- PostgreSQL gone and back -----------------------------------------------
founds() { grep -c publisher.record_found "$LAB/serve-$1.log" || true; }
FOUND_1=$(founds pub)
FOUND_2=$(founds pub2)
kill -9 "$POSTGRES"
sleep 1
for i in 1 2 3 4; do
	fleet_is $i current.epoch "$E3" || fail "e$i went with the database"
done
as_nobody "$PGBIN/pg_ctl" -D "$LAB/pg/data" stop -m immediate \
	>/dev/null 2>&1 || true
postgres
lab_wait 20 "PostgreSQL" "$PGBIN/pg_isready" -h "$LAB/pg"
again() { [ "$(epoch)" -gt "$E3" ]; }
lab_wait 45 "somebody in office again" again
found() { [ "$(founds "$1")" -gt "$2" ]; }
lab_wait 45 "the first to find the record again" found pub "$FOUND_1"
lab_wait 45 "the second to find it, by name" found pub2 "$FOUND_2"
kill "$TWO" "$THREE"
no_secrets
lab_ok "stand-by takes over with a higher epoch, edges refuse the old one"
