#!/bin/sh
# What a newcomer does wrong with `edgectl publish`, and whether what he reads
# leads him on: each row is a command that must fail with this status and
# these words. And root's first steps leave files that the service can use.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"

id nobody >/dev/null 2>&1 || skip "needs a user nobody"
fleet_setup
FLEET_PER_POOL=1
fleet_edges 3
fleet_topology 3 1
# says STATUS WORDS COMMAND...
says() {
	_want=$1
	_words=$2
	shift 2
	_rc=0
	"$@" >"$LAB/out" 2>&1 || _rc=$?
	[ "$_rc" = "$_want" ] || fail "$*: status $_rc: $(cat "$LAB/out")"
	grep -qF -- "$_words" "$LAB/out" ||
		fail "$*: not a word of '$_words': $(cat "$LAB/out")"
}
as() { # FILE SED-EXPRESSION: publisher.yaml with a change
	sed "$2" "$LAB/pub.yaml" >"$LAB/$1.yaml"
	_as="--publisher $LAB/$1.yaml"
}
publish() { fleet_ctl publish "$LAB/topology.yaml" $_as "$@"; }
as_nobody() {
	ip netns exec "$EDGE" setpriv --reuid=nobody --regid=nogroup \
		--clear-groups timeout 100 edgectl publish "$@"
}

# ---- files and words -----------------------------------------------------------
as same ''
[ -e /etc/sallyport/publisher.yaml ] ||
	says 2 "edgectl replication status" fleet_ctl publish status
says 2 "is a directory" fleet_ctl publish "$LAB" $_as
says 2 "publish key generate" publish
says 1 "publish key generate" pub export "$LAB/x"
pub key generate >/dev/null || fail "key"
says 0 "Nothing was made" pub key generate
says 1 "edgectl publish FILE" pub resume
says 1 "edgectl publish FILE" pub stop
says 1 "no earlier topology" pub rollback
says 1 "--history" pub rollback --to 1.77
says 1 "not a version like" pub rollback --to x
says 2 "no machine of this topology" publish --canary nosuch.int.test
says 2 "what is to change?" pub key rotate
says 1 "--add" pub key rotate --remove pub.int.test
says 1 "key show" pub key rotate --remove nobody
says 2 "a number from 0" publish --hold soon
as gone "s|^state_dir: .*|state_dir: $LAB/nowhere|"
says 2 "make the folder" fleet_ctl publish status $_as
as db "s|^state_dir: .*|&\nrecord: {sqlite: $LAB/topology.yaml}|"
says 2 "$LAB/topology.yaml" fleet_ctl publish status $_as
as pg "s|^state_dir: .*|&\nrecord: {postgres: 'host=127.0.0.1 port=5'}|"
says 2 "edges go on" fleet_ctl publish status $_as
says 2 '"ok":false' fleet_ctl --json publish status $_as
says 2 "become the user" as_nobody status --publisher "$LAB/pub.yaml"

# ---- our certificate ---------------------------------------------------------
as ca "s|^trust: .*|trust: $LAB/tls/nowhere.crt|"
says 2 "'trust' of" publish
as pair "s|chain: [^,]*|chain: $LAB/tls/e1.crt|"
says 2 "does not belong to" publish
as name 's|tls/pub|tls/e1|g'
says 2 "correct 'name' or 'certificate'" publish
openssl x509 -req -in "$LAB/tls/pub.csr" -CA "$LAB/tls/ca.crt" \
	-CAkey "$LAB/tls/ca.key" -extfile "$LAB/tls/pub.ext" -days -1 \
	-out "$LAB/tls/old.crt" 2>/dev/null || fail "no expired certificate"
as old "s|chain: [^,]*|chain: $LAB/tls/old.crt|"
says 2 "renew it" publish

# ---- edges -------------------------------------------------------------------
as same ''
publish --no-wait >/dev/null 2>&1 || fail "first publication"
fleet_carry 3
fleet_topology 3 1 one
says 1 "does its replication-agent run" publish
grep -q "3 of 3 can't be reached" "$LAB/out" || fail "$(cat "$LAB/out")"
fleet_agents 2
fleet_topology 3 1 two
says 1 "1 of 3 can't be reached" publish
fleet_cert stranger stranger.int.test
as stranger 's|tls/pub|tls/stranger|g; s|^name: .*|name: stranger.int.test|'
sed 's/pub2.int.test:/stranger.int.test:/' "$LAB/topology.yaml" \
	>"$LAB/strange.yaml"
says 1 "must give the right 'replication'" fleet_ctl publish \
	"$LAB/strange.yaml" $_as
grep -q "^stopped: " "$LAB/out" || fail "progress: $(cat "$LAB/out")"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-keyout "$LAB/tls/ca2.key" -out "$LAB/tls/ca2.crt" -days 2 \
	-subj /CN=other 2>/dev/null
as other "s|^trust: .*|trust: $LAB/tls/ca2.crt|"
fleet_topology 3 1 three
says 1 "none of the CAs of 'trust'" publish
mkdir "$LAB/new"
as new "s|$LAB/pub/|$LAB/new/|; s|^state_dir: .*|state_dir: $LAB/new|"
fleet_ctl publish key generate $_as >/dev/null || fail "another deployment"
says 1 "made for deployment" publish

# ---- who leaves, and goes on later ------------------------------------------------
as same ''
fleet_topology 3 1 left
lab_spawn left ip netns exec "$EDGE" edgectl publish "$LAB/topology.yaml" \
	$_as --canary e1.int.test --hold 600
lab_wait 10 "the canary" grep -q "watching the canaries" "$LAB/left.log"
kill -INT "$SPAWNED"
_rc=0
wait "$SPAWNED" || _rc=$?
[ "$_rc" = 1 ] || fail "left with $_rc: $(cat "$LAB/left.log")"
grep -q "else with 'edgectl publish resume'" "$LAB/left.log" ||
	fail "$(cat "$LAB/left.log")"
pub stop >"$LAB/out" 2>&1 || fail "stop: $(cat "$LAB/out")"
sqlite3 "$LAB/pub/record.db" "UPDATE publication SET options='{\"hold_s\":0}'"
says 1 "Went on with" pub resume
says 1 "no machine has that name" pub rollback --canary nosuch.int.test

# ---- what a person writes stays one line (S2, S16) ------------------------------
as same ''
lab_spawn serve ip netns exec "$EDGE" edgectl publish serve $_as
SERVE=$SPAWNED
lab_wait 10 "the office" grep -q publisher.office "$LAB/serve.log"
fleet_topology 3 1 four
publish --no-wait --reason "$(printf 'one\nevent=two\r\033[31mthree')" \
	>"$LAB/out" 2>&1 || fail "S2: $(cat "$LAB/out")"
pub status --history >"$LAB/out"
[ "$(grep -c 'three' "$LAB/out")" = 1 ] || fail "S2: two lines"
grep -q 'one.event=two..*three' "$LAB/out" || fail "S2: $(cat "$LAB/out")"
cat "$LAB"/*.log "$LAB/out" | LC_ALL=C grep -q "$(printf '[\033\r]')" &&
	fail "S16: an escape reached an output"
grep -q '^event=two' "$LAB"/*.log && fail "S2: a forged record in a log"
pub status --history --json | python3 -c '
import json, sys
assert "\n" in json.load(sys.stdin)["publications"][0]["reason"]' ||
	fail "the reason is not kept as it is"
lab_end "$SERVE"

# ---- root begins, the service's user goes on ---------------------------------
mkdir -m 700 "$LAB/owned"
chown nobody "$LAB/owned"
as owned "s|$LAB/pub/|$LAB/owned/|; s|^state_dir: .*|state_dir: $LAB/owned|"
fleet_ctl publish key generate $_as >/dev/null || fail "key of root"
fleet_ctl publish key generate --file "$LAB/owned/new.pem" $_as >/dev/null ||
	fail "another key of root"
publish --no-wait >/dev/null 2>&1 || fail "publication of root"
[ -z "$(find "$LAB/owned" ! -user nobody)" ] ||
	fail "root's: $(find "$LAB/owned" ! -user nobody)"
as_nobody status $_as >"$LAB/out" 2>&1 || fail "$(cat "$LAB/out")"
lab_ok "every wrong step is told with the next one"
