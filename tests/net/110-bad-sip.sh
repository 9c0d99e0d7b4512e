#!/bin/sh
# Torn, pipelined, oversized and malformed SIP at the daemon itself: a clear
# answer or a closed connection, never a crash, and the next client is served.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kamailio.sh"

lab_setup
lab_up
kamailio_up
ACCESS=$(lab_pid access-edge)

# raw FILE: what comes back over one TLS connection
raw() {
	in_out tests/net/sip.py raw "$1" --ca "$LAB/tls/external-ca.crt" \
		--wait "${2:-2}"
}
# message METHOD [EXTRA-HEADER-LINES [BODY]] as CR LF text on stdout
message() {
	python3 - "$@" <<'EOF'
import sys
method = sys.argv[1]
extra = sys.argv[2] if len(sys.argv) > 2 else ""
body = sys.argv[3] if len(sys.argv) > 3 else ""
out = ("%s sip:contoso.test SIP/2.0\n"
       "Via: SIP/2.0/TLS 198.51.100.77:5000;branch=z9hG4bK%d;rport\n"
       "Max-Forwards: 70\nFrom: <sip:alice@contoso.test>;tag=1\n"
       "To: <sip:alice@contoso.test>\nCall-ID: %d\nCSeq: 1 %s\n%s"
       "Content-Length: %d\n\n" % (method, hash(extra) & 0xffff,
                                   hash(extra) & 0xffffff, method, extra,
                                   len(body))).replace("\n", "\r\n") + body
sys.stdout.write(out)
EOF
}
# expect WHAT PATTERN: what came back
expect() {
	printf '%s\n' "$GOT" | grep -qE "$2" || fail "$1: got: $GOT"
	echo "$1: $(printf '%s\n' "$GOT" | grep -E "$2" | head -1 | tr -d '\r')"
}
F=$LAB/message

message REGISTER "Contact: <sip:alice@198.51.100.77:5000;transport=tls>
" >"$F"
GOT=$(raw "$F")
expect "a good REGISTER" '^SIP/2.0 401'

{ cat "$F"; message OPTIONS "Contact: <sip:a@198.51.100.77>
"; } >"$F.2"
GOT=$(raw "$F.2")
[ "$(printf '%s\n' "$GOT" | grep -c '^SIP/2.0')" -eq 2 ] ||
	fail "pipelined: $GOT"
echo "pipelined: two answers"

message REGISTER "Content-Length: 99999999999
" >"$F"
GOT=$(raw "$F")
expect "S3 two lengths" '^SIP/2.0 4(00|13)'
expect "S3 two lengths" '\[closed\]'

message MESSAGE "Content-Length: -1
" >"$F"
GOT=$(raw "$F")
expect "S3 negative length" '\[closed\]'

python3 -c 'import sys; sys.stdout.write("A" * 200000)' >"$F"
GOT=$(raw "$F")
expect "no line end" '\[(closed|reset)'

message INVITE "X-Long: $(python3 -c 'print("y" * 9000)')
" >"$F"
GOT=$(raw "$F")
expect "line too long" '(^SIP/2.0 4|\[closed\])'

BODY=$(python3 -c 'print("z" * 140000, end="")')
message MESSAGE "" "$BODY" >"$F" 2>/dev/null || {
	message MESSAGE "" "" | sed 's/Content-Length: 0/Content-Length: 140000/' >"$F"
	printf '%s' "$BODY" >>"$F"
}
GOT=$(raw "$F")
expect "body too large" '^SIP/2.0 413'

head -c 65536 /dev/urandom >"$F"
GOT=$(raw "$F")
expect "random bytes" '\[(closed|reset)'

message FOO "Max-Forwards: 3
" >"$F"
GOT=$(raw "$F")
expect "two Max-Forwards" '^SIP/2.0 400'

message NEGOTIATE "Compression: LZ77-8K
" >"$F"
GOT=$(raw "$F")
expect "compression refused" '^SIP/2.0 488'

message REGISTER "Proxy-Require: x-magic
" >"$F"
GOT=$(raw "$F")
expect "unknown Proxy-Require" '^SIP/2.0 420'

message REGISTER | sed 's/alice@contoso.test>;tag/mallory@evil.test>;tag/' >"$F"
GOT=$(raw "$F")
expect "foreign sender" '^SIP/2.0 403'

printf '\r\n\r\n' >"$F"
GOT=$(raw "$F")
expect "ping without a message" '\[open\]'

# One byte in each TLS record.
message REGISTER "Contact: <sip:alice@198.51.100.77:5000;transport=tls>
" >"$F"
in_out python3 - "$F" "$LAB/tls/external-ca.crt" <<'EOF' || fail "torn"
import socket, ssl, sys
c = ssl.create_default_context(cafile=sys.argv[2])
s = c.wrap_socket(socket.create_connection(("198.51.100.10", 443)),
                  server_hostname="sip.contoso.test")
for b in open(sys.argv[1], "rb").read():
    s.sendall(bytes([b]))
s.settimeout(5)
assert s.recv(65536).startswith(b"SIP/2.0 401")
print("torn into bytes: 401")
EOF

[ "$ACCESS" = "$(lab_pid access-edge)" ] || fail "access-edge was restarted"
lab_ok "bad SIP"
