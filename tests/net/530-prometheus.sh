#!/bin/sh
# Debian's Prometheus scrapes every daemon (R2): it takes the text as OpenMetrics
# (its content type), leaves no sample out, knows types and help, and counts
# on when something happens.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/loopback.sh"

command -v prometheus >/dev/null || skip "needs prometheus"
loop_setup
loop_init
loop_inside
loop_up

DAEMONS=
for daemon in access-edge av-auth av-edge webconf-edge replication-agent; do
	[ ! -S "$LAB/run/$daemon.sock" ] || DAEMONS="$DAEMONS $daemon"
done
set -- $DAEMONS
[ $# -ge 4 ] || fail "only $* run"
lab_spawn bridge ip netns exec "$EDGE" python3 \
	"$TOP/tests/net/metrics_bridge.py" 9200 "$LAB/run"
{
	printf 'global: {scrape_interval: 1s, scrape_timeout: 1s}\n'
	printf 'scrape_configs:\n'
	for daemon in $DAEMONS; do
		printf '%s\n' "- job_name: $daemon" "  metrics_path: /$daemon" \
			"  static_configs: [{targets: ['127.0.0.1:9200']}]"
	done
} >"$LAB/prometheus.yml"
promtool check config "$LAB/prometheus.yml" >"$LAB/promtool.log" 2>&1 ||
	fail "configuration: $(cat "$LAB/promtool.log")"
lab_spawn prometheus ip netns exec "$EDGE" prometheus \
	--config.file="$LAB/prometheus.yml" --storage.tsdb.path="$LAB/tsdb" \
	--web.listen-address=127.0.0.1:9090

# query EXPRESSION: the value of the one series it gives
query() {
	loop_edge curl -sG --data-urlencode "query=$1" \
		http://127.0.0.1:9090/api/v1/query |
		python3 -c '
import json, sys
rows = json.load(sys.stdin)["data"]["result"]
assert len(rows) == 1, rows
print(rows[0]["value"][1])' 2>/dev/null
}
is_up() { [ "$(query "up{job=\"$1\"}")" = 1 ]; }
for daemon in $DAEMONS; do
	lab_wait 15 "Prometheus to scrape $daemon" is_up "$daemon"
	loop_edge curl -s --unix-socket "$LAB/run/$daemon.sock" \
		-D "$LAB/head" http://bus/metrics >"$LAB/text"
	grep -qi 'content-type: application/openmetrics-text' "$LAB/head" ||
		fail "$daemon: $(cat "$LAB/head")"
	want=$(grep -cv '^#' "$LAB/text")
	got=$(query "scrape_samples_scraped{job=\"$daemon\"}")
	[ "$got" = "$want" ] ||
		fail "$daemon: $got of $want samples were taken"
	echo "$daemon: $got samples"
	echo "$daemon $want" >>"$LAB/series"
done

# What is written in TYPE, HELP and UNIT has arrived.
loop_edge curl -s http://127.0.0.1:9090/api/v1/metadata >"$LAB/metadata.json"
python3 - "$LAB/metadata.json" <<'EOF' || fail "metadata"
import json, sys
data = json.load(open(sys.argv[1]))["data"]
rows = {k: v[0] for k, v in data.items() if k.startswith("sallyport_")}
assert len(rows) > 100, len(rows)
for name, row in rows.items():
    assert row["type"] in ("counter", "gauge"), (name, row)
    assert row["help"], name
EOF

# It counts on: a call across the edge shows in three of them.
loop_call || fail "call: $(cat "$LAB/call.json")"
counted() {
	[ "$(query 'sum(sallyport_av_edge_allocations_made_total)')" -ge 2 ] &&
		[ "$(query 'sum(sallyport_av_auth_credentials_issued_total)')" -ge 2 ] &&
		[ "$(query 'sum(sallyport_access_edge_requests_forwarded_total)')" -ge 1 ]
}
lab_wait 5 "the call to be counted" counted

# R2: a series for each row of a table, none for what came over the network.
while read -r daemon want; do
	got=$(query "scrape_samples_scraped{job=\"$daemon\"}")
	[ "$got" = "$want" ] || fail "$daemon: $want series, then $got"
done <"$LAB/series"
lab_ok "Prometheus scrapes $# daemons"
