#!/bin/sh
# "A signing key was stolen, or lost" of docs/ops/replication.md, typed as it
# stands there: with one key and a thief who publishes, and with two of three,
# one of them offline.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"

fleet_setup
FLEET_PER_POOL=1
fleet_edges 2
fleet_topology 2 1 ours
pub key generate >"$LAB/key.log" || fail "key: $(cat "$LAB/key.log")"
publish() { # YAML: the topology
	fleet_ctl publish "$LAB/topology.yaml" --publisher "$1" \
		>"$LAB/out" 2>&1
}
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" --no-wait \
	>"$LAB/out" 2>&1 || fail "first publication: $(cat "$LAB/out")"
fleet_carry 2
fleet_agents 2
serve() { # NAME, and more options: its pid in SERVE
	lab_spawn "serve-$1" ip netns exec "$EDGE" edgectl publish serve \
		--publisher "$LAB/$1.yaml" ${2:-}
	SERVE=$SPAWNED
}
both() { fleet_is 1 "$1" "$2" && fleet_is 2 "$1" "$2"; }
serve pub
lab_wait 30 "the fleet to be current" both current.serial 1
no_lack() { # every edge has the newest set of keys, says the publisher
	pub key show --json >"$LAB/show.json" &&
		[ "$(lab_json "$LAB/show.json" edges)" = "2 of 2" ]
}
lab_wait 20 "the edges to be asked" no_lack
cd "$LAB/pub" # the recipe's first line

# ---- the thief: record, key and certificate, and a topology of his own ---------
steal() { # FOLDER
	mkdir "$LAB/$1"
	sqlite3 "$LAB/pub/record.db" ".backup '$LAB/$1/record.db'"
	cp "$LAB"/pub/*.pem "$LAB/$1/"
	sed -e "s|$LAB/pub/|$LAB/$1/|g" \
		-e "s|^state_dir: .*|state_dir: $LAB/$1|" "$LAB/pub.yaml" \
		>"$LAB/$1.yaml"
}
steal thief
serve thief --raise-epoch
THIEF=$SERVE
lab_wait 30 "the thief to have both" both current.epoch 2
sed 's/note: ours/note: his/' "$LAB/topology.yaml" >"$LAB/his.yaml"
fleet_ctl publish "$LAB/his.yaml" --publisher "$LAB/thief.yaml" \
	>"$LAB/out" 2>&1 || fail "the thief: $(cat "$LAB/out")"
fleet_topology 2 1 mended
publish "$LAB/pub.yaml" && fail "the thief has no hold: $(cat "$LAB/out")"
grep -q 'epoch 1 is over' "$LAB/out" || fail "$(cat "$LAB/out")"

# ---- the recipe -----------------------------------------------------------------
ID=$(pub key show --json >"$LAB/show.json" &&
	lab_json "$LAB/show.json" keys.0.name)
pub key generate --file new.pem >"$LAB/out" 2>&1 || fail "$(cat "$LAB/out")"
pub key rotate --remove "$ID" --add new=new.pem --with new.pem \
	>"$LAB/out" 2>&1 || fail "rotate: $(cat "$LAB/out")"
no_lack && fail "all edges have the new set at once"
lab_wait 30 "the new set to be everywhere" no_lack
both trust_serial 2 || fail "the edges say something else"
# The service still signs with the old key: the new one is for publisher.yaml.
publish "$LAB/pub.yaml" && fail "published with the old key"
grep -q "publisher.yaml" "$LAB/out" || fail "no way on: $(cat "$LAB/out")"
sed -i "s|^signing: .*|signing: [{key: $LAB/pub/new.pem}]|" "$LAB/pub.yaml"
ip netns pids "$EDGE" >"$LAB/pids"
for pid in $(cat "$LAB/pids"); do
	tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q "serve .*/pub.yaml" || continue
	lab_end "$pid"
done
serve pub
PUB=$SERVE
serve pub --raise-epoch
raised() { pub status --json >"$LAB/status.json"
	[ "$(lab_json "$LAB/status.json" publisher.epoch)" = 3 ]; }
lab_wait 10 "the new epoch" raised
lab_end "$SERVE" # Ctrl-C
pub resume >"$LAB/out" 2>&1 || fail "resume: $(cat "$LAB/out")"
lab_wait 30 "ours to take the place of his" both current.epoch 3
fleet_topology 2 1 after
publish "$LAB/pub.yaml" || fail "after it: $(cat "$LAB/out")"
grep -q '^Published 3\.[0-9]*: done' "$LAB/out" || fail "$(cat "$LAB/out")"

# What the thief tries now, he tries in vain: also above our epoch.
lab_end "$THIEF"
sqlite3 "$LAB/thief/record.db" "UPDATE state SET value='9' WHERE key='epoch'"
fleet_ctl publish "$LAB/his.yaml" --publisher "$LAB/thief.yaml" --force \
	>"$LAB/out" 2>&1 && fail "the old key is believed: $(cat "$LAB/out")"
grep -q "0 good signature(s) of trusted keys, 1 needed" "$LAB/out" ||
	fail "$(cat "$LAB/out")"
both current.epoch 3 || fail "an edge went with the thief"

# ---- two of three, one of them offline ---------------------------------------------
mkdir "$LAB/media"
pub key generate --file two.pem >"$LAB/out" 2>&1 || fail "$(cat "$LAB/out")"
pub key generate --file "$LAB/media/offline.pem" >"$LAB/out" 2>&1 ||
	fail "$(cat "$LAB/out")"
pub key rotate --add two=two.pem --add "safe=$LAB/media/offline.pem" \
	--with two.pem --with "$LAB/media/offline.pem" --threshold 2 \
	>"$LAB/out" 2>&1 || fail "two of three: $(cat "$LAB/out")"
lab_wait 30 "two of three everywhere" no_lack
keys() { # FILE...: these sign
	_keys=
	for _k in "$@"; do _keys="$_keys${_keys:+, }{key: $LAB/pub/$_k}"; done
	sed -i "s|^signing: .*|signing: [$_keys]|" "$LAB/pub.yaml"
	lab_end "$PUB"
	serve pub
	PUB=$SERVE
}
keys new.pem two.pem
fleet_topology 2 1 two
publish "$LAB/pub.yaml" || fail "with two: $(cat "$LAB/out")"
steal thief2

rm "$LAB/pub/new.pem" # lost here, and somebody has it
keys two.pem
pub key generate --file third.pem >"$LAB/out" 2>&1 || fail "$(cat "$LAB/out")"
pub key rotate --remove new --add third=third.pem --with third.pem \
	>"$LAB/out" 2>&1 && fail "one old key of two sufficed"
grep -q "want 2 signatures and 1 of our signers is" "$LAB/out" ||
	fail "$(cat "$LAB/out")"
pub key rotate --remove new --add third=third.pem --with third.pem \
	--with "$LAB/media/offline.pem" >"$LAB/out" 2>&1 ||
	fail "with the offline key: $(cat "$LAB/out")"
lab_wait 30 "the third set to be everywhere" no_lack
both trust_serial 4 || fail "the edges say something else"
keys two.pem third.pem
fleet_topology 2 1 third
publish "$LAB/pub.yaml" || fail "with the third: $(cat "$LAB/out")"
sqlite3 "$LAB/thief2/record.db" "UPDATE state SET value='9' WHERE key='epoch'"
fleet_ctl publish "$LAB/his.yaml" --publisher "$LAB/thief2.yaml" --force \
	>"$LAB/out" 2>&1 && fail "the lost key is believed: $(cat "$LAB/out")"
grep -q "1 good signature(s) of trusted keys, 2 needed" "$LAB/out" ||
	fail "$(cat "$LAB/out")"
both current.epoch 3 || fail "an edge went with the lost key"
lab_ok "a stolen key is replaced, with and without one that is offline"
