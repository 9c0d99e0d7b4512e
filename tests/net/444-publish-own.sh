#!/bin/sh
# Each machine gets what concerns its pool, and an independent reader of the
# format agrees; `edges_get: all` and a part of somebody else's.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"

fleet_setup
FLEET_PER_POOL=2
fleet_edges 4
pub key generate >"$LAB/key.log" || fail "key: $(cat "$LAB/key.log")"
publish() { # NOTE
	fleet_topology 2 2 "$1"
	fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
		>"$LAB/out" 2>&1 || fail "$1: $(cat "$LAB/out")"
}
ask() { # I SQL, of what is in force there
	sqlite3 "file:$LAB/e$1/state/topology/current?immutable=1" "$2"
}
holds() { # I POOLS MACHINES
	[ "$(ask "$1" "SELECT COUNT(*) FROM pool")" = "$2" ] &&
		[ "$(ask "$1" "SELECT COUNT(*) FROM machine")" = "$3" ]
}

# ---- the first one by hand: the whole for two, its own for two ---------------
fleet_topology 2 2
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" --no-wait \
	>"$LAB/out" 2>&1 || fail "first publication: $(cat "$LAB/out")"
fleet_carry 2
pub export --pool pool3.int.test "$LAB/none.edgb" >"$LAB/out" 2>&1 &&
	fail "exported what there is not"
grep -q "the topology has no pool pool3.int.test" "$LAB/out" ||
	fail "no cause: $(cat "$LAB/out")"
pub export --pool pool2.int.test "$LAB/own.edgb" >"$LAB/out" 2>&1 ||
	fail "export --pool: $(cat "$LAB/out")"
# Another pool's: told, and not kept for the day when a generation is lost.
mv "$LAB/own.edgb" "$LAB/own2.edgb"
pub export --pool pool1.int.test "$LAB/own.edgb" >"$LAB/out" 2>&1 ||
	fail "export --pool: $(cat "$LAB/out")"
fleet_ctl -c "$LAB/e3.yaml" replication bootstrap --trust "$LAB/trust.json" \
	"$LAB/own.edgb" >"$LAB/out" 2>&1 && fail "took another pool's part"
grep -q "machine 'e3.int.test' is not in the topology" "$LAB/out" ||
	fail "no cause: $(cat "$LAB/out")"
[ -z "$(ls "$LAB/e3/state/replication-agent/bundles")" ] ||
	fail "what was refused is kept"
mv "$LAB/own2.edgb" "$LAB/own.edgb"
for i in 3 4; do
	fleet_ctl -c "$LAB/e$i.yaml" replication bootstrap \
		--trust "$LAB/trust.json" "$LAB/own.edgb" >"$LAB/out" 2>&1 ||
		fail "bootstrap e$i: $(cat "$LAB/out")"
done
holds 1 2 4 || fail "a carried whole is not whole"
holds 3 1 2 || fail "a carried part is not its own pool's"
[ -f "$LAB/e3/state/replication-agent/bundles/"*.edgb ] ||
	fail "what was taken is not kept"
fleet_ctl -c "$LAB/e3.yaml" topology dump | head -n 1 |
	grep -q "^# Only what concerns the pool" || fail "a part does not say so"
fleet_ctl -c "$LAB/e1.yaml" topology dump | grep -q "^#" &&
	fail "a whole says it were none"
fleet_agents 4

# ---- by the wire, everyone its own -------------------------------------------
publish parts
for i in 1 2 3 4; do
	holds $i 1 2 || fail "e$i has $(ask $i "SELECT fqdn FROM machine")"
	[ "$(ask $i "SELECT note FROM federated_domain")" = parts ] ||
		fail "e$i lacks what concerns all"
	ask $i "SELECT 1 FROM machine WHERE fqdn='e$i.int.test'" |
		grep -q 1 || fail "e$i is not in its own part"
done
sha=$(fleet_field 1 current.sha256)
[ "$(fleet_field 4 current.sha256)" = "$sha" ] || fail "two names of a version"

# Python's hashlib, zstd's own program and openssl read what the agent kept.
python3 - "$LAB" "$sha" <<'END' || fail "the format is not what is documented"
import hashlib, json, struct, subprocess, sys
lab, sha = sys.argv[1:]
b = open(f"{lab}/e3/state/replication-agent/bundles/{sha}.edgb", "rb").read()
assert b[:8] == b"EDGB\0\2\r\n", b[:8]
m = struct.unpack(">I", b[8:12])[0]
manifest = b[12:12 + m]
assert hashlib.sha256(manifest).hexdigest() == sha
o = json.loads(manifest)
at = 12 + m
signatures = b[at]
row = b[at + 1:at + 99]
at += 1 + 98 * signatures
open(f"{lab}/input", "wb").write(b"edge-bundle-v1\0" +
    hashlib.sha256(manifest).digest())
open(f"{lab}/signature", "wb").write(row[34:])
subprocess.run(["openssl", "pkey", "-in", f"{lab}/pub/signing.pem", "-pubout",
    "-out", f"{lab}/signing.pub"], check=True)
subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey",
    f"{lab}/signing.pub", "-in", f"{lab}/input", "-sigfile",
    f"{lab}/signature"], check=True, stdout=subprocess.DEVNULL)
count = struct.unpack(">H", b[at:at + 2])[0]
at += 2
h = lambda *p: hashlib.sha256(b"".join(p)).digest()
scopes = []
for _ in range(count):
    number, steps = struct.unpack(">IB", b[at:at + 5])
    path = [b[at + 5 + 32 * i:at + 37 + 32 * i] for i in range(steps)]
    leaf = at + 5 + 32 * steps
    n = struct.unpack(">H", b[leaf:leaf + 2])[0]
    scope = b[leaf + 2:leaf + 2 + n].decode()
    codec, rows, raw, size = struct.unpack(">BIII",
        b[leaf + 2 + n:leaf + 15 + n])
    end = leaf + 15 + n + size
    # RFC 9162 section 2.1.3.2, as it stands there.
    r, fn, sn = h(b"\0", b[leaf:end]), number, o["parts"] - 1
    for p in path:
        assert sn != 0
        if fn & 1 or fn == sn:
            r = h(b"\1", p, r)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = h(b"\1", r, p)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0 and r.hex() == o["parts_sha256"], scope
    text = b[end - size:end]
    if codec == 1:
        text = subprocess.run(["zstd", "-dc"], input=text, check=True,
            capture_output=True).stdout
    assert len(text) == raw and text.count(b"\n") == rows, scope
    assert b"e1.int.test" not in text and b"pool1.int.test" not in text
    scopes.append(scope)
    at = end
assert at == len(b)
assert scopes[0] == "global" and "pool:pool2.int.test" in scopes, scopes
assert scopes == sorted(scopes)
END

# ---- at rest an agent writes nothing: no disk is worn out by waiting ----------
written() { # what its folders hold, and which files they are
	find "$LAB/e1/state" -printf '%p %i %T@\n' | sort
}
written >"$LAB/before"
sleep 3
written >"$LAB/after"
diff "$LAB/before" "$LAB/after" >"$LAB/diff" ||
	fail "written at rest: $(cat "$LAB/diff")"

# ---- somebody else's part: refused, and in nobody's way ----------------------
kill -9 "$AGENT_4"
fleet_topology 2 2 later
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
	>"$LAB/out" 2>&1 && fail "e4 is not away"
sha=$(fleet_field 1 current.sha256)
fleet_agent 4
lab_wait 30 "e4 to listen again" fleet_listens 4
put() { # I FILE: the status of HTTP
	in_edge curl -s -o "$LAB/put.json" -w '%{http_code}' --max-time 10 \
		--cert "$LAB/tls/pub.crt" --key "$LAB/tls/pub.key" \
		--cacert "$LAB/tls/ca.crt" \
		--resolve "e$1.int.test:4443:127.2.0.$(($1 + 1))" -T "$2" \
		-H "Edge-Version: $(lab_json "$LAB/version.json" version)" \
		"https://e$1.int.test:4443/replication/v1/bundles/$sha"
}
pub export "$LAB/whole.edgb" --json >"$LAB/version.json" || fail "export"
before=$(fleet_field 4 current.serial)
code=$(put 4 "$LAB/e1/state/replication-agent/bundles/$sha.edgb")
[ "$code" = 422 ] || fail "another pool's part: $code $(cat "$LAB/put.json")"
[ "$(fleet_field 4 current.serial)" = "$before" ] || fail "it went further"
code=$(put 4 "$LAB/e3/state/replication-agent/bundles/$sha.edgb")
[ "$code" = 201 ] || fail "its own part: $code $(cat "$LAB/put.json")"
code=$(put 4 "$LAB/whole.edgb")
[ "$code" = 200 ] || fail "the whole of the same: $code $(cat "$LAB/put.json")"

# ---- a machine moves, its old pool gets another name ---------------------------
fleet_topology 2 2 moved
python3 - "$LAB/topology.yaml" <<'END'
import sys
lines = open(sys.argv[1]).read().split("\n")
moved = next(l for l in lines if "e3.int.test" in l)
lines.remove(moved)
at = next(i for i, l in enumerate(lines) if "e2.int.test" in l)
lines.insert(at + 1, moved)
text = "\n".join(lines).replace("pool2.int.test:", "renamed.int.test:")
open(sys.argv[1], "w").write(text)
END
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
	>"$LAB/out" 2>&1 || fail "moved: $(cat "$LAB/out")"
for i in 1 2 3; do holds $i 1 3 || fail "e$i is not one of three"; done
holds 4 1 1 || fail "e4 is not alone"
[ "$(ask 4 "SELECT fqdn FROM pool")" = renamed.int.test ] ||
	fail "the old name: $(ask 4 "SELECT fqdn FROM pool")"
[ "$(ask 3 "SELECT fqdn FROM pool")" = pool1.int.test ] ||
	fail "e3 did not move: $(ask 3 "SELECT fqdn FROM pool")"

# ---- all to everybody, as a setting -------------------------------------------
echo "edges_get: all" >>"$LAB/pub.yaml"
publish whole
for i in 1 2 3 4; do holds $i 2 4 || fail "e$i has not all"; done

# ---- a publication that can't be cut as it was signed --------------------------
python3 - "$LAB/pub/record.db" <<'END'
import re, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
at, b = db.execute("SELECT rowid, bundle FROM publication ORDER BY epoch DESC,"
    " serial DESC LIMIT 1").fetchone()
b = re.sub(b'("parts_sha256":")[0-9a-f]{8}', rb"\g<1>00000000", b)
db.execute("UPDATE publication SET bundle=? WHERE rowid=?", (b, at))
db.commit()
END
rm -f "$LAB/own.edgb"
pub export --pool pool1.int.test "$LAB/own.edgb" >"$LAB/out" 2>&1 &&
	fail "exported another topology than one pool's"
grep -q "no part of this publication can be made for pool pool1.int.test" \
	"$LAB/out" || fail "no cause: $(cat "$LAB/out")"
[ ! -e "$LAB/own.edgb" ] || fail "and wrote it all the same"
pub export "$LAB/whole.edgb" >"$LAB/out" 2>&1 || fail "the whole: $(cat "$LAB/out")"
lab_ok "444-publish-own"
