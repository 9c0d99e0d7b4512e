#!/bin/sh
# A storm of messages (sipp behind stunnel): each connection gets what its rate
# allows and a clear answer for the rest, memory stays where it was, somebody
# else calls meanwhile without a lost packet, and afterwards all is as before.
# A connection with ten times its rate is ended.
SETTINGS_ACCESS='pre_auth_requests: 10000'
# What was freed is to be used again, under a sanitizer as well.
ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=4
export ASAN_OPTIONS
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kamailio.sh"
command -v sipp >/dev/null && command -v stunnel4 >/dev/null ||
	skip "needs sipp and stunnel4"

lab_setup
ALICE=$(lab_secret secret-alice)
BOB=$(lab_secret secret-bob)
lab_up
lab_dns
kamailio_up
ACCESS=$(lab_pid access-edge)

cat >"$LAB/storm.xml" <<'EOF'
<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="storm">
  <send>
    <![CDATA[
      REGISTER sip:contoso.test SIP/2.0
      Via: SIP/2.0/TLS [local_ip]:[local_port];branch=[branch]
      Max-Forwards: 70
      From: <sip:storm@contoso.test>;tag=[pid]-[call_number]
      To: <sip:storm@contoso.test>
      Call-ID: [call_id]
      CSeq: 1 REGISTER
      Contact: <sip:storm@[local_ip]:[local_port];transport=tls>
      Content-Length: 0

    ]]>
  </send>
  <recv response="504" optional="true" next="1"/>
  <recv response="401"/>
  <label id="1"/>
</scenario>
EOF

# tunnel N: 127.0.0.1:7000+N leads to the edge, by TLS that is checked
tunnel() {
	cat >"$LAB/stunnel-$1.conf" <<EOF
foreground = yes
pid =
[sip]
client = yes
accept = 127.0.0.1:$((7000 + $1))
connect = 198.51.100.10:443
sni = sip.contoso.test
checkHost = sip.contoso.test
CAfile = $LAB/tls/external-ca.crt
verifyChain = yes
EOF
	lab_spawn "stunnel-$1" ip netns exec "$OUT" stunnel4 \
		"$LAB/stunnel-$1.conf"
	lab_wait 5 "stunnel $1" in_out sh -c \
		"ss -Htln 'sport = :$((7000 + $1))' | grep -q 127.0.0.1"
}
# storm N RATE COUNT
storm() {
	lab_spawn "storm-$1" ip netns exec "$OUT" sipp -sf "$LAB/storm.xml" \
		-t t1 -r "$2" -m "$3" -l 2000 -i 127.0.0.1 -p $((6000 + $1)) \
		-nostdin -timeout 25 -recv_timeout 8000 -timeout_error \
		-trace_stat -stf "$LAB/storm-$1.csv" -fd 60 \
		127.0.0.1:$((7000 + $1))
}
rss_kb() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$ACCESS/status"; }
metric() {
	curl -s --unix-socket "$LAB/run/access-edge.sock" \
		http://localhost/metrics | grep -F "$1" |
		awk '{ n += $2 } END { print n + 0 }'
}
# succeeded N: calls that ended as the scenario says
succeeded() {
	tail -1 "$LAB/storm-$1.csv" | tr ';' '\n' | sed -n 16p
}

lab_wait 20 "the way inside" lab_ctl test registration \
	--user sip:alice@contoso.test --password-file "$ALICE"
BEFORE=$(rss_kb)
SENT=$(metric sallyport_access_edge_requests_forwarded)

echo "# six connections, 120 requests a second each; one may send 20"
PIDS=
for n in 1 2 3 4 5 6; do tunnel $n; done
for n in 1 2 3 4 5 6; do
	storm $n 120 960
	PIDS="$PIDS $SPAWNED"
done
sleep 1
echo "# and a call in the middle of it"
lab_ctl test call --from sip:alice@contoso.test --password-file "$ALICE" \
	--to sip:bob@contoso.test --inside-password-file "$BOB" \
	--seconds 3 --json >"$LAB/call.json" 2>"$LAB/call.log" ||
	fail "call: $(cat "$LAB/call.json" "$LAB/call.log")"
[ "$(lab_json "$LAB/call.json" call.media.lost)" = 0 ] ||
	fail "lost: $(cat "$LAB/call.json")"
for pid in $PIDS; do
	wait "$pid" || fail "a storm ended badly: $(tail -5 "$LAB"/storm-?.log)"
done
ok=0
for n in 1 2 3 4 5 6; do ok=$((ok + $(succeeded $n))); done
[ "$ok" -eq 5760 ] || fail "only $ok of 5760 requests had their answer"
refused=$(metric 'answers_made_total{class="5xx"}')
passed=$(($(metric sallyport_access_edge_requests_forwarded) - SENT))
after=$(rss_kb)
echo "5760 requests: $refused told to come later, $passed passed on;" \
	"resident $BEFORE KiB before, $after KiB after"
[ "$refused" -gt 3000 ] || fail "the rate is no limit: $refused refused"
[ "$passed" -gt 600 ] || fail "too little passed: $passed"
[ $((after - BEFORE)) -lt 32768 ] || fail "memory grew: $BEFORE to $after"

echo "# one connection with fifty times its rate is ended"
tunnel 7
storm 7 1000 4000
wait "$SPAWNED" && fail "a flood was endured"
in_edge edgectl -c "$LAB/edge.yaml" explain 198.51.100.77 >"$LAB/why.txt" ||
	fail "explain"
grep -q 'why=flood' "$LAB/why.txt" || fail "no word of it: $(cat "$LAB/why.txt")"

echo "# and all is as before"
lab_ctl test registration --user sip:alice@contoso.test \
	--password-file "$ALICE" >/dev/null || fail "nobody can sign in"
[ "$ACCESS" = "$(lab_pid access-edge)" ] || fail "access-edge was restarted"
lab_ok "a storm of messages"
