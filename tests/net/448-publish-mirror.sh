#!/bin/sh
# Edges that the publisher can't reach: it writes a folder, nginx hands it
# out, each machine fetches what is its own; canaries come before the folder,
# what is old goes, a folder that is gone is told and waited for.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"

WWW_PORT=8088
fleet_setup
FLEET_PER_POOL=2
fleet_edges 4
WWW=$LAB/www/edge
mkdir -p "$WWW"
chmod 755 "$LAB/www" "$WWW"
cat >>"$LAB/pub.yaml" <<END
mirror: $WWW
END
for i in 1 2 3 4; do
	echo "resolver: {hosts: {mirror.int.test: 127.9.0.1}}" >>"$LAB/e$i.yaml"
done
cat >"$LAB/nginx.conf" <<CONF
pid $LAB/nginx.pid;
error_log $LAB/nginx.log;
events {}
http {
	access_log $LAB/nginx-access.log;
	server {
		listen 127.9.0.1:$WWW_PORT;
		root $LAB/www;
	}
}
CONF
lab_spawn nginx in_edge nginx -c "$LAB/nginx.conf" -g 'daemon off;'
lab_listens in_edge $WWW_PORT

topology() { # NOTE
	fleet_topology 2 2 "$1"
	cat >>"$LAB/topology.yaml" <<END
settings:
  replication-agent: {pull_from: ["http://mirror.int.test:$WWW_PORT/edge"], pull_every: 1s, pull_side: internal}
END
}
publish() { # NOTE [OPTION...]: whether the publisher reaches anybody or not
	topology "$1"
	shift
	fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
		"$@" >"$LAB/out" 2>&1 || true
}
pub key generate >"$LAB/key.log" || fail "key: $(cat "$LAB/key.log")"
topology first
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" --no-wait \
	>"$LAB/out" 2>&1 || fail "first publication: $(cat "$LAB/out")"
fleet_carry 4
fleet_agents 4
in_edge nft -f - <<'NFT'
table inet test {
	chain input {
		type filter hook input priority filter
		tcp dport 4443 reject with tcp reset
	}
}
NFT

# ---- nobody is reached, everybody gets it ------------------------------------
note() { # I
	sqlite3 "file:$LAB/e$1/state/topology/current?immutable=1" \
		"SELECT note FROM federated_domain"
}
notes_are() { for i in 1 2 3 4; do [ "$(note $i)" = "$1" ] || return 1; done; }
publish fetched
lab_wait 15 "all to fetch it" notes_are fetched
newest() { pub export "$LAB/e.edgb" >/dev/null; python3 tests/net/edgb.py name "$LAB/e.edgb"; }
sha=$(newest)
[ "$(ls "$WWW/bundles/$sha" | wc -l)" = 4 ] || fail "$(ls -R "$WWW")"
[ ! -e "$WWW/bundles/$sha.edgb" ] || fail "the whole is handed out, too"
[ "$(stat -c %a "$WWW/head.edgb")" = 644 ] &&
	[ "$(stat -c %a "$WWW/bundles/$sha")" = 755 ] || fail "nobody can read it"
pools() {
	sqlite3 "file:$LAB/e$1/state/topology/current?immutable=1" \
		"SELECT group_concat(fqdn) FROM pool"
}
[ "$(pools 3)" = pool2.int.test ] || fail "e3 has $(pools 3)"
up() {
	for i in 1 2 3 4; do
		fleet_ctl -c "$LAB/e$i.yaml" replication status --json |
			grep -q '"UpToDate": *true' || return 1
	done
}
lab_wait 10 "all to say that they are up to date" up

# ---- a store that has only the whole, and says 403 to the rest ----------------
echo "edges_get: all" >>"$LAB/pub.yaml"
publish whole
lab_wait 15 "all to fetch the whole" notes_are whole
sha=$(newest)
[ -e "$WWW/bundles/$sha.edgb" ] && [ ! -e "$WWW/bundles/$sha" ] ||
	fail "$(ls -R "$WWW")"
sed -i '/^edges_get/d' "$LAB/pub.yaml"

# ---- what is old goes, other people's files stay -------------------------------
echo mine >"$WWW/bundles/notes.txt"
touch -d '2 hours ago' "$WWW/bundles/"*
publish swept
lab_wait 15 "all to fetch the next" notes_are swept
[ "$(ls "$WWW/bundles" | sort | tr '\n' ' ')" = "$(newest) notes.txt " ] ||
	fail "left: $(ls "$WWW/bundles")"

# ---- canaries come before the folder --------------------------------------------
in_edge nft flush ruleset
sed -i '/pull_from/d; /^settings:/d' "$LAB/topology.yaml"
sed -i 's/note: swept/note: held/' "$LAB/topology.yaml"
lab_spawn held fleet_ctl publish "$LAB/topology.yaml" \
	--publisher "$LAB/pub.yaml" --hold 5
canaries() { [ "$(note 1)" = held ] && [ "$(note 3)" = held ]; }
lab_wait 20 "the canaries to have it" canaries
[ ! -e "$WWW/bundles/$(newest)" ] || fail "handed out before the canaries kept it"
handed() { [ -e "$WWW/bundles/$(newest)/e4.int.test.edgb" ]; }
lab_wait 20 "it to be handed out" handed
lab_wait 20 "the others to have it" notes_are held

# ---- by the service, inside its sandbox ------------------------------------------
echo "canaries: [old.int.test]" >>"$LAB/pub.yaml"
lab_spawn serve ip netns exec "$EDGE" edgectl publish serve \
	--publisher "$LAB/pub.yaml"
SERVE=$SPAWNED
lab_wait 10 "the service to hand out the newest" \
	grep -q event=publisher.mirrored "$LAB/serve.log"
sed -i 's/note: held/note: served/' "$LAB/topology.yaml"
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" --hold 0 \
	>"$LAB/out" 2>&1 || fail "by the service: $(cat "$LAB/out")"
lab_wait 10 "it to be handed out" handed
grep -q 'event=publisher.canary_unknown machine="old.int.test"' \
	"$LAB/serve.log" || fail "a canary that is nobody is not told of"
grep 'event=publisher.started' "$LAB/serve.log" | grep -q 'landlock_abi=[1-9]' ||
	echo "no Landlock here: $(grep publisher.started "$LAB/serve.log")"

# ---- a folder that is gone: told, waited for, and not begun with -----------------
mv "$WWW" "$LAB/away"
sed -i 's/note: served/note: gone/' "$LAB/topology.yaml"
sed '/^mirror/d' "$LAB/pub.yaml" >"$LAB/plain.yaml"
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/plain.yaml" --hold 0 \
	>"$LAB/out" 2>&1 || fail "without the folder: $(cat "$LAB/out")"
told() { grep "event=publisher.mirror_failed" "$LAB/serve.log" | grep -q "$WWW"; }
lab_wait 10 "the service to tell of it" told
kill "$SERVE"
wait "$SERVE" || fail "the service ended with $?"
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
	>"$LAB/out" 2>&1 && fail "it began without the folder"
grep -q "mirror: $WWW: no such file or directory; make the folder" \
	"$LAB/out" || fail "not told: $(cat "$LAB/out")"
lab_ok "448-publish-mirror"
