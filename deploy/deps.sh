#!/bin/sh
# Install the Debian packages that building, running and testing need.
#
#   deploy/deps.sh GROUP...      groups: build test tools
#   deploy/deps.sh --list GROUP... only print the names
#   deploy/deps.sh --missing GROUP... only print what is missing
#
# Nothing is touched when nothing is missing: a second run costs one look
# into dpkg's database. The services that come with the test peers are not
# started, and not enabled either.
set -eu

build="gcc make pkg-config libc6-dev
	libevent-dev libssl-dev libsofia-sip-ua-dev libsrtp2-dev
	libsqlite3-dev libc-ares-dev libexpat1-dev libjansson-dev
	libfyaml-dev libcurl4-openssl-dev libseccomp-dev libzstd-dev libpq-dev
	openssl"
test="check clang libclang-rt-14-dev llvm
	chromium chromium-driver prometheus
	nginx-light haproxy kamailio kamailio-tls-modules coturn baresip-core
	linphone-cli libnice-dev postgresql sip-tester stunnel4
	libpurple-dev libxml2-dev libgstreamer1.0-dev pidgin-sipe
	gstreamer1.0-nice gstreamer1.0-plugins-base
	gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
	dnsmasq-base strace tcpdump
	sqlite3 nftables iproute2 procps curl python3 systemd mandoc
	valgrind zstd"
tools="clang-format clang-tidy clang-tools cppcheck gcovr iwyu gdb
	shellcheck zsh"

say() { printf 'deps: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

how=install
wanted=
for word in "$@"; do
	case $word in
	--list) how=list ;;
	--missing) how=missing ;;
	build) wanted="$wanted $build" ;;
	test) wanted="$wanted $test" ;;
	tools) wanted="$wanted $tools" ;;
	*) fail "unknown group '$word'; there are: build test tools" ;;
	esac
done
[ -n "$wanted" ] || fail "usage: deploy/deps.sh [--list|--missing] GROUP..."

if [ "$how" = list ]; then
	for p in $wanted; do echo "$p"; done
	exit 0
fi
if ! command -v dpkg-query >/dev/null; then
	say "this is not Debian; install what these packages hold by hand:"
	fail "$(printf '%s' "$wanted" | tr -s '\n\t' ' ')"
fi

here=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' |
	sed -n 's/^installed //p')
missing=
for p in $wanted; do
	case "
$here
" in
	*"
$p
"*) ;;
	*) missing="$missing $p" ;;
	esac
done
missing=${missing# }
if [ "$how" = missing ]; then
	for p in $missing; do echo "$p"; done
	exit 0
fi
[ -n "$missing" ] || exit 0

by_hand() {
	say "$1"
	say "install them by hand, then start again:"
	fail "  apt-get install --no-install-recommends $missing"
}

say "missing: $missing"
if [ "$(id -u)" -eq 0 ]; then
	root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
	root="sudo -n"
else
	by_hand "neither root nor able to use sudo without a password"
fi

# Test peers must not take the ports that our daemons want.
guard=/usr/sbin/policy-rc.d
guarded=
if [ ! -e "$guard" ]; then
	printf '#!/bin/sh\nexit 101\n' | $root tee "$guard" >/dev/null
	$root chmod 755 "$guard"
	guarded=yes
fi
unguard() {
	[ -z "$guarded" ] || $root rm -f "$guard"
}
trap unguard EXIT
trap 'exit 1' HUP INT TERM

apt() {
	$root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=300 "$@" >&2
}
say "installing with apt-get"
apt update || by_hand "'apt-get update' failed"
# shellcheck disable=SC2086
apt install --no-install-recommends $missing ||
	by_hand "'apt-get install' failed"

# And stay off after the next boot, unless somebody wanted them before.
for p in $missing; do
	case $p in
	kamailio|coturn|haproxy|nginx-light)
		$root systemctl -q disable "${p%-light}" 2>/dev/null || true
		say "$p: its service is not started and not enabled"
		;;
	esac
done
say "done"
