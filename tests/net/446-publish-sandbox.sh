#!/bin/sh
# `publish serve` in its sandbox (S18): the kernel says it is on, a command
# signs all the same because a helper outside runs it, a certificate that is
# replaced is read again, and a helper that dies takes the service along.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"

id nobody >/dev/null 2>&1 || skip "needs a user nobody"
fleet_setup
FLEET_PER_POOL=1
fleet_edges 2
fleet_topology 2 1

# A key that the service itself can't reach, behind a command.
mkdir "$LAB/safe"
openssl genpkey -algorithm ed25519 -out "$LAB/safe/key.pem" 2>/dev/null
openssl pkey -in "$LAB/safe/key.pem" -pubout -out "$LAB/pub/public.pem"
cat >"$LAB/safe/sign" <<'END_SIGN'
#!/bin/sh
t=$(mktemp) && cat >"$t" &&
openssl pkeyutl -sign -rawin -inkey "$(dirname "$0")/key.pem" -in "$t"; s=$?
rm -f "$t"; exit $s
END_SIGN
chmod 755 "$LAB/safe/sign"
chown -R nobody "$LAB/safe" "$LAB/pub"
chmod 700 "$LAB/safe"
sed -i -e "s|^signing: .*|signing: [{command: [$LAB/safe/sign], public: $LAB/pub/public.pem}]|" \
	"$LAB/pub.yaml"
echo 'user: nobody' >>"$LAB/pub.yaml"
as_nobody() {
	ip netns exec "$EDGE" setpriv --reuid=nobody --regid=nogroup \
		--clear-groups timeout 100 edgectl publish "$@"
}
as_nobody key generate --publisher "$LAB/pub.yaml" >"$LAB/key.log" 2>&1 ||
	fail "key: $(cat "$LAB/key.log")"
as_nobody "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" --no-wait \
	>"$LAB/out" 2>&1 || fail "first publication: $(cat "$LAB/out")"
fleet_carry 2
chown nobody "$LAB"/pub/*
fleet_agents 2
lab_spawn serve ip netns exec "$EDGE" edgectl publish serve \
	--publisher "$LAB/pub.yaml"
SERVE=$SPAWNED
lab_wait 10 "the office" grep -q publisher.office "$LAB/serve.log"

# ---- what the kernel says ------------------------------------------------------
field() { sed -n "s/^$2:[[:blank:]]*//p" "/proc/$1/status"; }
[ "$(field "$SERVE" Seccomp)" = 2 ] || fail "no system call filter"
[ "$(field "$SERVE" NoNewPrivs)" = 1 ] || fail "new rights are possible"
[ "$(field "$SERVE" CapPrm)" = 0000000000000000 ] || fail "capabilities"
[ "$(field "$SERVE" Uid | tr '\t' '\n' | sort -u)" = "$(id -u nobody)" ] ||
	fail "not the user it was told to become"
if grep -q landlock /sys/kernel/security/lsm 2>/dev/null; then
	grep -q 'publisher.started .* landlock=[1-9]' "$LAB/serve.log" ||
		fail "Landlock is there, not used"
fi
HELPER=$(cat "/proc/$SERVE/task/$SERVE/children")
HELPER=${HELPER% }
[ "$(cat "/proc/$HELPER/comm")" = publish-signer ] || fail "no helper"
ls -l "/proc/$HELPER/fd" >"$LAB/fds"
grep -q record.db "$LAB/fds" && fail "the helper holds the record"
[ "$(field "$HELPER" NoNewPrivs)" = 1 ] || fail "the helper has new rights"

# ---- it works ------------------------------------------------------------------
say() { # NOTE: publish something new, by an order to the service
	fleet_topology 2 1 "$1"
	as_nobody "$LAB/topology.yaml" --publisher "$LAB/pub.yaml" \
		>"$LAB/out" 2>&1 || fail "$1: $(cat "$LAB/out")"
	grep -q '^Published .*: done' "$LAB/out" || fail "$(cat "$LAB/out")"
}
say signed
grep -q 'publisher.request kind="publish" .*ok=yes' "$LAB/serve.log" ||
	fail "somebody else did it"

# A certificate and its key, replaced by rename; agents that are started anew
# see a new connection.
fleet_cert new pub.int.test
mv "$LAB/tls/new.key" "$LAB/tls/pub.key"
mv "$LAB/tls/new.crt" "$LAB/tls/pub.crt"
for i in 1 2; do
	eval "lab_end \$AGENT_$i"
	fleet_agent $i
done
lab_wait 30 "the agents to listen" fleet_listens 2
say renewed
in_edge ss -Htlnp | grep -q "pid=$SERVE," && fail "it listens somewhere"

# ---- the helper dies -----------------------------------------------------------
kill -9 "$HELPER"
_rc=0
wait "$SERVE" || _rc=$?
[ "$_rc" = 1 ] || fail "it ended with $_rc"
grep -q publisher.signer_lost "$LAB/serve.log" || fail "it does not say why"

# ---- root without a user: no rights but those of a file's owner ----------------
sed -i '/^user:/d' "$LAB/pub.yaml"
chown -R root "$LAB/pub" "$LAB/safe"
lab_spawn root ip netns exec "$EDGE" edgectl publish serve \
	--publisher "$LAB/pub.yaml"
ROOT=$SPAWNED
lab_wait 10 "the office again" grep -q publisher.office "$LAB/root.log"
[ "$(field "$ROOT" Seccomp)" = 2 ] || fail "root: no system call filter"
[ "$(field "$ROOT" CapPrm)" = 0000000000000000 ] || fail "root: capabilities"
grep -q 'sandbox.weakened .*name a user' "$LAB/root.log" || fail "no warning"
lab_ok "the publisher in its sandbox, with a command that signs"
