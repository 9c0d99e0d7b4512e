#!/bin/sh
# One credential for a whole pool, end to end: two machines whose key came
# sealed in a bundle. What av-auth of the one issues, coturn's client uses at
# av-edge of the other, before, while and after the pool's key is replaced.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"

fleet_setup
in_edge sysctl -qw net.ipv4.ip_local_reserved_ports=50000-59999
FLEET_PER_POOL=2
fleet_edges 2
fleet_topology 1 2
pub key generate >"$LAB/key.log" || fail "key: $(cat "$LAB/key.log")"
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" --no-wait \
	>"$LAB/out" 2>&1 || fail "first publication: $(cat "$LAB/out")"
fleet_carry 2
fleet_agents 2
for i in 1 2; do
	lab_spawn "av-auth$i" ip netns exec "$EDGE" av-auth -c "$LAB/e$i.yaml"
	lab_spawn "av-edge$i" ip netns exec "$EDGE" av-edge -c "$LAB/e$i.yaml"
done
lab_spawn serve ip netns exec "$EDGE" edgectl publish serve \
	--publisher "$LAB/pub.yaml"

# keys MACHINE: "1 issue,2 check", the pool's as its av-auth has them
keys() {
	fleet_ctl -c "$LAB/e$1.yaml" credentials keys --json | python3 -c '
import json, sys
print(",".join(sorted("{id} {use}".format(**k)
                      for k in json.load(sys.stdin)["keys"]
                      if k["from"] == "pool")))'
}
# issue MACHINE FILE
issue() {
	fleet_ctl -c "$LAB/e$1.yaml" credentials issue --json \
		--user sip:alice@fleet.test >"$2" || fail "e$1 issues nothing"
}
# try MACHINE FILE: two allocations there, and what one sends the other gets.
try() {
	in_edge timeout 30 turnutils_uclient -c -y -n 5 -m 1 -l 172 \
		-u "$(lab_json "$2" username)" -w "$(lab_json "$2" password)" \
		"127.4.0.$(($1 + 1))" >"$LAB/uclient$1.txt" 2>&1 &&
		grep -q 'tot_send_msgs=\([1-9][0-9]*\), tot_recv_msgs=\1$' \
			"$LAB/uclient$1.txt"
}
# cross FILE-OF-E1 FILE-OF-E2: what the one issued at the other, at one time
cross() {
	try 2 "$1" &
	_other=$!
	try 1 "$2" && wait "$_other"
}
# taken WHAT FILE-OF-E1 FILE-OF-E2
taken() {
	cross "$2" "$3" || fail "$1 is refused: $(keys 1) | $(keys 2)
$(tail -n 5 "$LAB"/uclient?.txt)"
	echo "$1: taken"
}

# ---- one key, and a credential that roams -----------------------------------
has_keys() { [ "$(keys 1)" = "$1" ] && [ "$(keys 2)" = "$1" ]; }
lab_wait 30 "the pool's key on both machines" has_keys "1 issue"
issue 1 "$LAB/one.json"
issue 2 "$LAB/two.json"
lab_wait 20 "the relays to take the new key" cross "$LAB/one.json" \
	"$LAB/two.json"
echo "each machine takes what the other one issued"

# ---- replaced with overlap: at no moment is one refused ---------------------
fleet_ctl publish "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
	--new-pool-keys --no-wait >"$LAB/out" 2>&1 ||
	fail "new keys: $(cat "$LAB/out")"
_n=0
until has_keys "1 check,2 issue"; do
	issue 1 "$LAB/now1.json"
	issue 2 "$LAB/now2.json"
	taken "issued while the key turns" "$LAB/now1.json" "$LAB/now2.json"
	_n=$((_n + 1))
	[ $_n -lt 60 ] || fail "the key never turned: $(keys 1) | $(keys 2)"
done
# Its av-auth took two topologies: the new key to check with came first.
for i in 1 2; do
	[ "$(grep -c 'event=keys.followed' "$LAB/av-auth$i.log")" -eq 3 ] ||
		fail "e$i used a key at once: $(cat "$LAB/av-auth$i.log")"
done
taken "issued with the old key" "$LAB/one.json" "$LAB/two.json"
issue 1 "$LAB/three.json"
issue 2 "$LAB/four.json"
taken "issued with the new key" "$LAB/three.json" "$LAB/four.json"
[ "$(lab_json "$LAB/three.json" username)" != \
	"$(lab_json "$LAB/one.json" username)" ] || fail "the same credential"

# ---- what no machine of the pool made, and no secret in a log (S16) ---------
sed 's/"username": *"AgA/"username": "AgB/' "$LAB/three.json" \
	>"$LAB/forged.json"
cmp -s "$LAB/three.json" "$LAB/forged.json" && fail "nothing was forged"
! try 2 "$LAB/forged.json" || fail "e2 takes a forged one"
for file in one two three; do
	! grep -rqF -- "$(lab_json "$LAB/$file.json" password)" \
		"$LAB"/*.log || fail "a password is in a log"
done
for hex in $(sed -n 's/^key [0-9]* [0-9]* //p' \
	"$LAB/e1/state/av-auth/pool.key" | grep -oE '[0-9a-f]{32,}'); do
	! grep -rqF "$hex" "$LAB"/*.log || fail "a key is in a log"
	for db in "$LAB"/e?/state/topology/gen/*.db; do
		! xxd -p "$db" | tr -d '\n' | grep -qF "$hex" ||
			fail "a key is readable in a generation"
	done
done
lab_ok "what one machine of a pool issues, the other takes, in a rotation too"
