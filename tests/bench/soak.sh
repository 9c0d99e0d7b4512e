#!/bin/sh
# make soak: register, call and hang up, CYCLES times (10,000), first over
# kept connections, then with a new TLS connection for every cycle, and relay
# allocations beside them. After warm-up the resident memory of each daemon
# may grow by less than 1 MB, and no descriptor may be left.
SETTINGS_ACCESS='max_transactions_per_client: 65536, max_transactions: 262144, max_transaction_memory_mb: 1024, max_connections_per_source: 1000, new_connections_per_source: 10000, client_rate: 10000, client_burst: 100000, failed_logon_limit: 1000'
SETTINGS_AV='allocations_per_user: 1000, allocations_per_credential: 1000, allocations_per_minute: 1000000, stranger_rate: 1000, max_lifetime: 1m, default_lifetime: 1m'
. "$(dirname "$0")/lib.sh"

CYCLES=${CYCLES:-10000}
bench_setup
lab_up
lab_ctl credentials issue --user sip:soak@contoso.test --json \
	>"$LAB/cred.json"
USER=$(lab_json "$LAB/cred.json" username)
PASS=$(lab_json "$LAB/cred.json" password)

# round CYCLES: half kept, half reconnecting; four relay calls beside.
round() {
	bench_load 127.0.1.10:443 --bind 127.0.3.1:0 --bind-count 8 \
		--clients 16 --cycles $(($1 / 2)) >"$LAB/load-kept.json" ||
		fail "kept connections: $(cat "$LAB/load-kept.json")"
	bench_load 127.0.1.10:443 --bind 127.0.3.1:0 --bind-count 8 \
		--clients 16 --cycles $(($1 / 2)) --reconnect \
		>"$LAB/load-new.json" ||
		fail "new connections: $(cat "$LAB/load-new.json")"
	for _ in 1 2 3 4; do
		in_edge timeout 60 turnutils_uclient -c -y -n 20 -m 8 -l 172 \
			-L 127.0.3.9 -u "$USER" -w "$PASS" 127.0.1.12 \
			>"$LAB/uclient.log" 2>&1 || fail "turnutils_uclient"
	done
	echo "  $(cat "$LAB/load-kept.json") $(cat "$LAB/load-new.json")"
}

idle() {
	[ "$(lab_ctl connections --json | python3 -c '
import json, sys
print(sum(c.get("side") == "external"
          for c in json.load(sys.stdin)["connections"]))')" -eq 0 ]
}
no_allocations() {
	[ "$(lab_ctl allocations --json | python3 -c '
import json, sys
print(len(json.load(sys.stdin)["allocations"]))')" -eq 0 ]
}
# The clients leave their allocations to their lifetime of a minute.
settle() {
	lab_wait 30 "the connections to end" idle
	lab_wait 100 "the allocations to end" no_allocations
	sleep 2
}

echo "warm-up"
round $((CYCLES / 2))
settle
for d in access-edge av-auth av-edge; do
	pid=$(lab_pid $d)
	echo "$d $pid $(rss_kb "$pid") $(fd_count "$pid")"
done >"$LAB/before"
echo "soak: $CYCLES cycles"
for _ in 1 2 3 4; do
	round $((CYCLES / 4))
done
settle
status=0
mkdir -p build/bench
while read -r d pid rss fds; do
	[ "$pid" = "$(lab_pid "$d")" ] || fail "$d was restarted"
	now=$(rss_kb "$pid")
	left=$(fd_count "$pid")
	echo "$d: resident $rss -> $now kB, descriptors $fds -> $left"
	[ $((now - rss)) -lt 1024 ] || status=1
	[ "$left" -le "$fds" ] || status=1
done <"$LAB/before"
[ $status -eq 0 ] || fail "something grew"
lab_ok "soak"
