#!/bin/sh
# Run the tests of the whole suite: run-net.sh [NAME-PART]
# Each tests/net/NNN-name.sh runs by itself, in a network namespace of its
# own, J of them at a time; 77 means "skipped, and why". V=1 runs one after
# the other and shows what they print.
set -u
B=${B:-build}
J=${J:-$(($(nproc) * 2))}
LIMIT_S=${LIMIT_S:-600}
export B

# one SCRIPT: run it, print its line, leave ok, skip or FAIL in its verdict.
one() {
	name=$(basename "$1" .sh)
	log=$B/net/$name.log
	t0=$(date +%s)
	if [ -n "${V:-}" ]; then
		: >"$log"
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
	124)
		echo "FAIL: not done after $LIMIT_S s" >>"$log"
		failed "$name" "$log"
		;;
	*) failed "$name" "$log" ;;
	esac
}

failed() {
	echo FAIL >"$B/net/$1.verdict"
	printf 'FAIL  %s (see %s)\n%s\n' "$1" "$2" \
		"$(tail -n 40 "$2" 2>/dev/null)"
}

# alone SCRIPT: loopback and all it makes are not those of its neighbours.
alone() {
	timeout -k 30 "$LIMIT_S" unshare --net \
		sh -c 'ip link set lo up && exec "$1"' sh "$1"
}

# why LOG: in a few lines: the last ones of the test itself, the last one of
# each program it ran, and what a sanitizer said. lab_teardown puts a line
# "--- NAME.log" before what a program said.
why() {
	awk '
		/^--- .*\.log$/ { of = substr($2, 1, length($2) - 4); next }
		/^FAIL: / || /runtime error:|^SUMMARY: / { said[++n] = $0; next }
		of == "" { before = own; own = $0; next }
		{ if (!(of in last)) order[++m] = of; last[of] = $0 }
		END {
			if (before != "") print before
			if (own != "") print own
			for (i = 1; i <= n && i <= 6; i++) print said[i]
			for (i = 1; i <= m; i++)
				print order[i] ": " last[order[i]]
		}' "$1" | cut -c 1-200 | sed 's/^/    /' | head -n 16
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
# Once more at the end, where it is looked for.
for verdict in $(grep -l FAIL "$B"/net/*.verdict 2>/dev/null); do
	name=$(basename "$verdict" .verdict)
	echo "FAIL  $name"
	why "$B/net/$name.log"
done
printf 'net: %d tests, %d failed, %d skipped, %d s\n' "$(count .)" \
	"$(count FAIL)" "$(count skip)" $(($(date +%s) - start))
[ "$(count FAIL)" -eq 0 ] && [ "$(count .)" -gt 0 ]
