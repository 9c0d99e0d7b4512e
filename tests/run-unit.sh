#!/bin/sh
# Run unit test programs: run-unit.sh BUILD-DIR [NAME-PART]
# WRAP="valgrind ..." runs each under a tool.
set -u
build=$1
part=${2:-}
failed=0
count=0
for bin in $(find "$build/tests/unit" -type f -name 'test_*' -perm -u+x \
		2>/dev/null | sort); do
	case $bin in *"$part"*) ;; *) continue ;; esac
	src=${bin#"$build"/}.c
	[ -f "$src" ] || continue # left over from a file that is gone
	count=$((count + 1))
	if out=$(${WRAP:-} timeout 300 "$bin" 2>&1); then
		[ -z "${V:-}" ] || printf '%s\n' "$out"
	else
		printf 'FAIL  %s\n%s\n' "$bin" "$out"
		failed=$((failed + 1))
	fi
done
printf 'unit: %d programs, %d failed\n' "$count" "$failed"
[ "$failed" -eq 0 ] && [ "$count" -gt 0 ]
