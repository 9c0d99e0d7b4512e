# baresip, a real client: registers over TLS, calls, sends a tone and records
# what it hears. Source after lib.sh.

# baresip_config DIR CAFILE TONE-HZ LISTEN-IP PORT
baresip_config() {
	mkdir -p "$1/rec"
	cat >"$1/config" <<EOF
poll_method epoll
sip_listen $4:0
sip_cafile $2
sip_trans_def tls
call_local_timeout 60
call_max_calls 4
audio_path /usr/share/baresip
audio_player aubridge,sink-$5
audio_source ausine,$3
audio_alert aubridge,alert-$5
ausrc_srate 48000
auplay_srate 48000
ausrc_channels 2
auplay_channels 2
rtp_ports 20000-30000
jitter_buffer_type fixed
jitter_buffer_delay 2-10
rtp_stats yes
module_path /usr/lib/baresip/modules
module g711.so
module ausine.so
module aubridge.so
module sndfile.so
module stun.so
module turn.so
module ice.so
module srtp.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:$5
snd_path $1/rec
EOF
	: >"$1/contacts"
	# No line end: baresip would put it into its Contact.
	tr -d '\n' </proc/sys/kernel/random/uuid >"$1/uuid"
}

# baresip_account DIR USER OUTBOUND [MORE-PARAMETERS]
baresip_account() {
	printf '<sip:%s@%s;transport=tls>;auth_user=%s;auth_pass=secret-%s;regint=60;outbound="%s";answermode=auto%s\n' \
		"$2" "${BARESIP_DOMAIN:-contoso.test}" "$2" "$2" "$3" "${4:-}" \
		>"$1/accounts"
}

# baresip_ask NS-COMMAND PORT COMMAND [PARAMS]: one command over its control
# port (netstring of JSON); prints the answer.
baresip_ask() {
	_in=$1
	_port=$2
	shift 2
	"$_in" python3 - "$_port" "$@" <<'EOF'
import json, socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30)
m = {"command": sys.argv[2], "token": "t"}
if len(sys.argv) > 3:
    m["params"] = sys.argv[3]
b = json.dumps(m).encode()
s.sendall(b"%d:%s," % (len(b), b))
s.settimeout(30)
data = b""
while True:
    chunk = s.recv(65536)
    if not chunk:
        break
    data += chunk
    rest = data
    while b":" in rest:
        n, tail = rest.split(b":", 1)
        if len(tail) < int(n) + 1:
            break
        msg = json.loads(tail[:int(n)])
        rest = tail[int(n) + 1:]
        if msg.get("response"):
            print(msg.get("data", ""))
            sys.exit(0 if msg.get("ok") else 1)
    data = rest
sys.exit(1)
EOF
}

# sounds_for SECONDS FILE.wav: is so much in it by now? It may still grow; a
# recording that has no header yet counts as 8000 samples a second, mono.
sounds_for() {
	[ -s "$2" ] || return 1
	_rate=$(od -An -tu4 -j28 -N4 "$2" | tr -d ' ')
	[ "${_rate:-0}" -gt 0 ] || _rate=16000
	[ "$(stat -c %s "$2")" -ge $(($1 * _rate)) ]
}

# baresip_hears SECONDS USER...: they have recorded so much of the call.
baresip_hears() {
	_seconds=$1
	shift
	for _user in "$@"; do
		_wav=$(ls "$LAB/$_user"/rec/*-dec.wav 2>/dev/null) &&
			sounds_for "$_seconds" "$_wav" || return 1
	done
}

# tone_of FILE.wav: prints the strongest frequency in Hz and the seconds of
# sound, from the samples themselves. The file may not be closed yet: then its
# header does not say how long it is.
tone_of() {
	python3 - "$1" <<'EOF'
import cmath, struct, sys
with open(sys.argv[1], "rb") as file:
    wav = file.read()
channels, rate = struct.unpack_from("<HI", wav, wav.index(b"fmt ") + 10)
at = wav.index(b"data") + 8
n = struct.unpack_from("<I", wav, at - 4)[0]
if not 0 < n <= len(wav) - at:
    n = len(wav) - at
x = [v[0] / 32768.0 for v in struct.iter_unpack("<h", wav[at:at + (n & ~1)])]
if channels == 2:
    x = x[::2]
loud = [v for v in x if abs(v) > 0.005]
size = rate // 2
best = (0.0, 0)
if len(x) >= size:
    mid = len(x) // 2 - size // 2
    part = x[mid:mid + size]
    for f in range(200, 2000, 10):
        k = -2j * cmath.pi * f / rate
        e = abs(sum(v * cmath.exp(k * i) for i, v in enumerate(part)))
        best = max(best, (e, f))
print(best[1], "%.1f" % (len(loud) / rate))
EOF
}
