#!/bin/sh
# One publisher, its record in sqlite, two pools of real agents: publish,
# keys of pools that nobody can read on the way, their rotation, a machine that
# rests, rollback.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"

fleet_setup
FLEET_PER_POOL=2
fleet_edges 4
fleet_topology 2 2

# ---- what must be mended first says so --------------------------------------
pub key show >"$LAB/out" 2>&1 && fail "keys before there are any"
grep -q "publish key generate" "$LAB/out" || fail "no way on: $(cat "$LAB/out")"
pub key generate >"$LAB/key.log" || fail "key: $(cat "$LAB/key.log")"
[ "$(stat -c %a "$LAB/pub/signing.pem")" = 600 ] || fail "mode of the key"
sed 's/  pub.int.test: .*//' "$LAB/topology.yaml" >"$LAB/shut.yaml"
fleet_ctl publish "$LAB/shut.yaml" --publisher "$LAB/pub.yaml" \
	>"$LAB/out" 2>&1 && fail "published a topology that shuts us out"
grep -q "let this publisher in again" "$LAB/out" || fail "$(cat "$LAB/out")"

# ---- the first one goes by hand, the rest over 4443 -------------------------
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" --no-wait \
	>"$LAB/out" 2>&1 || fail "first publication: $(cat "$LAB/out")"
fleet_carry 4
fleet_agents 4
lab_spawn serve ip netns exec "$EDGE" edgectl publish serve \
	--publisher "$LAB/pub.yaml"
SERVE=$SPAWNED
sealed() { # rows of sealed_key in force on machine I
	sqlite3 "file:$LAB/e$1/state/topology/current?immutable=1" \
		"SELECT COUNT(*) FROM sealed_key JOIN machine USING(machine_id)
		WHERE fqdn='e$1.int.test'"
}
all_sealed() {
	for i in 1 2 3 4; do [ "$(sealed $i)" = 2 ] || return 1; done
}
lab_wait 30 "keys of the pools on all machines" all_sealed
status_ok() { pub status --json >"$LAB/status.json"; }
all_current() {
	status_ok && python3 - "$LAB/status.json" <<'END'
import json, sys
s = json.load(open(sys.argv[1]))
v = s["publication"]["version"]
sys.exit(not (s["publication"]["state"] == "done" and
    all(r["UpToDate"] and r.get("version") == v for r in s["replicas"])))
END
}
lab_wait 20 "everybody on the newest" all_current
python3 - "$LAB/status.json" <<'END' || fail "status lacks fields"
import json, sys
rows = json.load(open(sys.argv[1]))["replicas"]
assert len(rows) == 4
for r in rows:
    for k in ("UpToDate", "ReplicaFqdn", "LastStatusReport",
              "LastUpdateCreation", "ProductVersion", "epoch", "serial",
              "lag_s", "lag_serials", "pinned", "stale", "daemons"):
        assert r.get(k) is not None, k
END

# ---- pools: the same key, sealed to each, readable to no other --------------
envelope() { # MACHINE ROW-OF PURPOSE
	sqlite3 "file:$LAB/e$1/state/topology/current?immutable=1" \
		"SELECT hex(cms) FROM sealed_key JOIN machine USING(machine_id)
		WHERE fqdn='e$2.int.test' AND purpose='$3' AND role='current'" |
		xxd -r -p
}
opened() { # BY-MACHINE ROW-OF PURPOSE
	envelope "$1" "$2" "$3" >"$LAB/cms"
	openssl cms -decrypt -inform DER -in "$LAB/cms" \
		-recip "$LAB/tls/e$1.crt" -inkey "$LAB/tls/e$1.key" \
		-out "$LAB/opened" 2>/dev/null && sha256sum <"$LAB/opened"
}
A=$(opened 1 1 av) || fail "e1 can't open its key"
[ "$A" = "$(opened 2 2 av)" ] || fail "two machines of a pool, two keys"
[ "$A" != "$(opened 3 3 av)" ] || fail "two pools, one key"
opened 2 1 av >/dev/null && fail "e2 opens what is sealed to e1"
envelope 1 1 av >"$LAB/cms"
openssl cms -cmsout -print -inform DER -in "$LAB/cms" 2>/dev/null |
	grep -q aes-256 || fail "not AES-256"
opened 1 1 av >/dev/null
SECRET=$(xxd -p -s 20 -l 32 "$LAB/opened" | tr -d '\n')
pub export "$LAB/now.edgb" >/dev/null
for f in "$LAB/now.edgb" "$LAB"/pub/record.db* "$LAB"/*.log; do
	xxd -p "$f" | tr -d '\n' | grep -q "$SECRET" && fail "a key lies in $f"
done

# A second publication of the same changes nothing, down to the envelopes.
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
	>"$LAB/out" 2>&1 || fail "again: $(cat "$LAB/out")"
grep -q "Nothing to publish" "$LAB/out" || fail "published no change"

# ---- rotation: believed everywhere before it is used anywhere ---------------
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
	--new-pool-keys --no-wait >/dev/null 2>&1 || fail "new keys"
roles() { # MACHINE: "1 current,2 previous"
	sqlite3 "file:$LAB/e$1/state/topology/current?immutable=1" \
		"SELECT group_concat(key_id||' '||role) FROM (SELECT key_id,
		role FROM sealed_key JOIN machine USING(machine_id) WHERE
		fqdn='e$1.int.test' AND purpose='av' ORDER BY key_id)"
}
rotated() { [ "$(roles 1)" = "1 previous,2 current" ] &&
	[ "$(roles 2)" = "1 previous,2 current" ]; }
: >"$LAB/roles"
_n=0
until rotated; do
	# Never a machine that uses what another does not believe.
	echo "$(roles 1)|$(roles 2)" >>"$LAB/roles"
	_n=$((_n + 1))
	[ $_n -lt 300 ] || fail "keys never turned: $(roles 1) $(roles 2)"
	sleep 0.1
done
python3 - "$LAB/roles" <<'END' || fail "a key was used before all had it"
import sys
for line in open(sys.argv[1]):
    sides = [dict((x.split()[1], x.split()[0]) for x in s.split(","))
             if s else {} for s in line.strip().split("|")]
    ids = [set(x.split()[0] for x in s.split(",")) if s else set()
           for s in line.strip().split("|")]
    for a, b in ((0, 1), (1, 0)):
        assert sides[a].get("current") in ids[b], line
END
lab_wait 20 "everybody on the newest" all_current

# ---- a drained machine, by the topology -------------------------------------
sed 's/\(e2.int.test: {internal: [0-9.]*\)/\1, state: drain/' \
	"$LAB/topology.yaml" >"$LAB/drain.yaml"
fleet_ctl publish "$LAB/drain.yaml" --publisher "$LAB/pub.yaml" \
	--reason "e2 rests" >"$LAB/out" 2>&1 || fail "drain: $(cat "$LAB/out")"
[ "$(sqlite3 "file:$LAB/e2/state/topology/current?immutable=1" \
	"SELECT state FROM machine WHERE fqdn='e2.int.test'")" = drain ] ||
	fail "e2 does not know that it drains"

# And one that is switched off hears when it is switched on again.
sed 's/\(e2.int.test: {internal: [0-9.]*\)/\1, state: disabled/' \
	"$LAB/topology.yaml" >"$LAB/off.yaml"
fleet_ctl publish "$LAB/off.yaml" --publisher "$LAB/pub.yaml" \
	>"$LAB/out" 2>&1 || fail "disable: $(cat "$LAB/out")"
fleet_ctl publish "$LAB/drain.yaml" --publisher "$LAB/pub.yaml" \
	>"$LAB/out" 2>&1 || fail "enable: $(cat "$LAB/out")"

# ---- back, under a new version ----------------------------------------------
BEFORE=$(fleet_newest)
TO=$(pub status --history --json >"$LAB/history.json" && python3 -c '
import json, sys
print([p["version"] for p in json.load(open(sys.argv[1]))["publications"]
       if p["reason"].startswith("the new key of pool1")][0])' \
	"$LAB/history.json")
pub rollback --to "$TO" >"$LAB/out" 2>&1 || fail "rollback: $(cat "$LAB/out")"
[ "$(lab_json "$LAB/newest.json" publication.version)" = "$BEFORE" ]
AFTER=$(fleet_newest)
[ "$AFTER" != "$BEFORE" ] || fail "rolled back to the same version"
lab_json "$LAB/newest.json" publication.rollback_of >/dev/null ||
	fail "it does not say what it goes back to"
[ "$(sqlite3 "file:$LAB/e2/state/topology/current?immutable=1" \
	"SELECT state FROM machine WHERE fqdn='e2.int.test'")" = active ] ||
	fail "e2 still drains"
lab_ok "publish, pools, rotation, drain, rollback"
