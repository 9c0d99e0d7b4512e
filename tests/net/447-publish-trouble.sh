#!/bin/sh
# What a service can't do at once it does later, and not all the time: the end
# of a roll-out, when the record does not take it at that moment; a head, when
# the command that signs has failed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"

fleet_setup
FLEET_PER_POOL=1
fleet_edges 2
fleet_topology 2 1
openssl genpkey -algorithm ed25519 -out "$LAB/pub/key.pem" 2>/dev/null
openssl pkey -in "$LAB/pub/key.pem" -pubout -out "$LAB/pub/public.pem"
cat >"$LAB/pub/sign" <<'END_SIGN'
#!/bin/sh
d=$(dirname "$0")
echo "$$" >>"$d/tries"
[ ! -e "$d/broken" ] || exit 1
t=$(mktemp) && cat >"$t" &&
openssl pkeyutl -sign -rawin -inkey "$d/key.pem" -in "$t"; s=$?
rm -f "$t"; exit $s
END_SIGN
chmod 755 "$LAB/pub/sign"
sed -i "s|^signing: .*|signing: [{command: [$LAB/pub/sign], public: $LAB/pub/public.pem}]|" \
	"$LAB/pub.yaml"
pub key generate >"$LAB/key.log" 2>&1 || fail "key: $(cat "$LAB/key.log")"
grep -q "Nothing was made" "$LAB/key.log" && fail "a command has its own key"
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" --no-wait \
	>"$LAB/out" 2>&1 || fail "first publication: $(cat "$LAB/out")"
fleet_carry 2
fleet_agents 2
serve() { # NAME
	lab_spawn "$1" ip netns exec "$EDGE" edgectl publish serve \
		--publisher "$LAB/pub.yaml"
	SERVE=$SPAWNED
	lab_wait 10 "the office" grep -q publisher.office "$LAB/$1.log"
}
serve serve

# ---- the record does not take the end of a roll-out ---------------------------
record() { # SQL
	python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=20)
db.execute(sys.argv[2])
db.commit()' "$LAB/pub/record.db" "$1"
}
record "CREATE TRIGGER trouble BEFORE UPDATE ON publication WHEN
 NEW.state='done' BEGIN SELECT RAISE(ABORT, 'not now'); END" ||
	fail "no trigger"
fleet_topology 2 1 trouble
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
	>"$LAB/out" 2>&1 &
ORDER=$!
lab_wait 20 "it to fail" grep -q 'publisher.failed .*not now' "$LAB/serve.log"
sleep 1
record "DROP TRIGGER trouble" || fail "the trigger stays"
wait "$ORDER" || fail "trouble: $(cat "$LAB/out")"
grep -q '^Published .*: done' "$LAB/out" || fail "$(cat "$LAB/out")"

# ---- nobody signs --------------------------------------------------------------
lab_end "$SERVE"
: >"$LAB/pub/broken"
: >"$LAB/pub/tries"
serve again
lab_wait 10 "a failure" grep -q publisher.head_failed "$LAB/again.log"
sleep 3
[ "$(wc -l <"$LAB/pub/tries")" -le 2 ] ||
	fail "$(wc -l <"$LAB/pub/tries") tries in three seconds"
OLD=$(fleet_field 1 head.expires) || fail "no head at all"
rm "$LAB/pub/broken"
has_new_head() { [ "$(fleet_field 1 head.expires)" != "$OLD" ]; }
lab_wait 20 "a head after all" has_new_head
lab_ok "what fails is done later"
