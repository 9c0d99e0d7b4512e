# linphone, a real client: verifies certificate chains, registers over TLS,
# speaks ICE with a TURN server, plays a file and records what it hears.
# Source after lib.sh.

# linphone_config DIR USER CAFILE PROXY-URI TONE-HZ [TURN-HOST CREDENTIALS]
# CREDENTIALS is a file of `sip.py credentials`.
linphone_config() {
	mkdir -p "$1/.local/share/linphone"

	cat >"$1/rc" <<EOF
[sip]
sip_port=-1
sip_tcp_port=-1
sip_tls_port=-2
root_ca=$3
verify_server_certs=1
verify_server_cn=1
media_encryption=srtp
media_encryption_mandatory=1
default_proxy=0
refresher_retry_after=3000
keepalive_period=10000
tcp_tls_keepalive=1
inc_timeout=30
[proxy_0]
reg_identity=sip:$2@contoso.test
reg_proxy=<$4>
reg_route=<$4>
reg_expires=${EXPIRES:-600}
reg_sendregister=1
publish=0
nat_policy_ref=lab
[auth_info_0]
username=$2
passwd=secret-$2
realm=contoso.test
domain=contoso.test
[misc]
uuid=$(tr -d '\n' </proc/sys/kernel/random/uuid)
[video]
capture=0
display=0
[audio_codec_0]
mime=PCMU
rate=8000
enabled=1
EOF
	if [ -n "${6:-}" ]; then
		_turn_user=$(lab_json "$7" username)
		cat >>"$1/rc" <<EOF
[nat_policy_0]
ref=lab
stun_server=$6
stun_server_username=$_turn_user
protocols=turn,ice
[auth_info_1]
username=$_turn_user
userid=$_turn_user
passwd=$(lab_json "$7" password)
realm=${TURN_REALM:-contoso.test}
EOF
	fi
	python3 - "$1/tone.wav" "$5" <<'EOF'
import math, struct, sys, wave
w = wave.open(sys.argv[1], "w")
w.setparams((1, 2, 8000, 0, "NONE", ""))
w.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(
    2 * math.pi * int(sys.argv[2]) * i / 8000))) for i in range(8000 * 60)))
EOF
}

# linphone_up NS-COMMAND DIR NAME: takes commands on the pipe DIR/in.
linphone_up() {
	rm -f "$2/in"
	mkfifo "$2/in"
	# Without a way out linphone thinks it has no network at all.
	"$1" ip route add default dev eth0 2>/dev/null || true
	# Both ends open: a command's end is not the end of the input.
	lab_spawn "$3" "$1" env HOME="$2" sh -c 'exec stdbuf -oL linphonec -a \
		-c "$0" -d 6 -l "$1" 0<>"$2"' \
		"$2/rc" "$2/trace" "$2/in"
	linphone_say "$2" "soundcard use files" "play $2/tone.wav"
}

# linphone_say DIR COMMAND...
linphone_say() {
	_dir=$1
	shift
	for _command in "$@"; do
		echo "$_command" >>"$_dir/in"
	done
}

# linphone_registered USER N: it has registered N times at least.
linphone_registered() {
	[ "$(grep -c 'to \[LinphoneRegistrationOk\]' "$LAB/$1/trace")" -ge "$2" ]
}
