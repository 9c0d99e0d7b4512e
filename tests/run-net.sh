#!/bin/sh
# Run the tests of the whole suite: run-net.sh [NAME-PART]
# Each tests/net/NNN-name.sh runs by itself, in a network namespace of its
# own, J of them at a time; 77 means "skipped, and why". V=1 runs one after
# the other and shows what they print.
set -u
B=${B:-build}
J=${J:-4}
export B

# one SCRIPT: run it, print its line, leave ok, skip or FAIL in its verdict.
one() {
	name=$(basename "$1" .sh)
	log=$B/net/$name.log
	t0=$(date +%s)
	if [ -n "${V:-}" ]; then
		alone "$1"
	else
		alone "$1" >"$log" 2>&1
	fi
	case $? in
	0)
		echo ok >"$B/net/$name.verdict"
		printf 'ok    %-44s %3ds\n' "$name" $(($(date +%s) - t0))
		;;
	77)
		echo skip >"$B/net/$name.verdict"
		printf 'skip  %s: %s\n' "$name" "$(tail -n 1 "$log")"
		;;
	*)
		echo FAIL >"$B/net/$name.verdict"
		printf 'FAIL  %s (see %s)\n%s\n' "$name" "$log" \
			"$(tail -n 40 "$log" 2>/dev/null)"
		;;
	esac
}

# alone SCRIPT: loopback and all it makes are not those of its neighbours.
alone() {
	timeout 300 unshare --net sh -c 'ip link set lo up && exec "$1"' \
		sh "$1"
}

count() { cat "$B"/net/*.verdict 2>/dev/null | grep -c "$1"; }

if [ "${1:-}" = --one ]; then
	one "$2"
	exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "check-net: needs root for network namespaces; skipped" >&2
	exit 0
fi
[ -z "${V:-}" ] || J=1
start=$(date +%s)
mkdir -p "$B/net"
rm -f "$B"/net/*.verdict
find tests/net -name '[0-9][0-9][0-9]-*.sh' -path "*${1:-}*" | sort |
	xargs -r -n 1 -P "$J" "$0" --one
printf 'net: %d tests, %d failed, %d skipped, %d s\n' "$(count .)" \
	"$(count FAIL)" "$(count skip)" $(($(date +%s) - start))
[ "$(count FAIL)" -eq 0 ] && [ "$(count .)" -gt 0 ]
