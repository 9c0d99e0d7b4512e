#!/bin/sh
# Run unit test programs: run-unit.sh BUILD-DIR [NAME-PART]
# WRAP="valgrind ..." runs each under a tool. V=1 shows what they print.
# As root each runs in a network namespace of its own, so that ports that
# others use on this machine, or another run of the tests, do not matter.
set -u
build=$1
part=${2:-}
failed=0
count=0
alone() { "$@"; }
if [ "$(id -u)" -eq 0 ] &&
	unshare -n sh -c 'ip link set lo up' 2>/dev/null; then
	alone() {
		unshare -n sh -c 'ip link set lo up && exec "$@"' sh "$@"
	}
fi
for bin in $(find "$build/tests/unit" -type f -name 'test_*' -perm -u+x \
		2>/dev/null | sort); do
	case $bin in *"$part"*) ;; *) continue ;; esac
	src=${bin#"$build"/}.c
	[ -f "$src" ] || continue # left over from a file that is gone
	count=$((count + 1))
	# shellcheck disable=SC2086 # WRAP is a command and its options
	if out=$(alone ${WRAP:-} timeout 300 "$bin" 2>&1); then
		[ -z "${V:-}" ] || printf '%s\n' "$out"
	else
		printf 'FAIL  %s\n%s\n' "$bin" "$out"
		failed=$((failed + 1))
	fi
done
printf 'unit: %d programs, %d failed\n' "$count" "$failed"
[ "$failed" -eq 0 ] && [ "$count" -gt 0 ]
