#!/bin/sh
# Run unit test programs again and again, failing the n-th allocation of the
# product in every test: n = 0, 1, 2 ... until no test has an n-th one.
#   tests/run-oom.sh BUILD-DIR MAX [NAME-PART]
# A test may fail (it wanted a result), but nothing may crash or hang. What
# leaks on the way is not looked at: a test that fails does not clean up.
set -u
build=$1
max=$2
part=${3:-}
mark=$build/oom-mark
programs=0
runs=0
status=0
for bin in $(find "$build/tests/unit" -type f -name 'test_*' -perm -u+x |
		sort); do
	case $bin in *"$part"*) ;; *) continue ;; esac
	src=${bin#"$build"/}.c
	[ -f "$src" ] || continue
	programs=$((programs + 1))
	n=0
	while [ "$n" -lt "$max" ]; do
		rm -f "$mark"
		out=$(OOM_AT=$n OOM_MARK=$mark CK_FORK=yes \
			CK_TIMEOUT_MULTIPLIER=5 \
			ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
			timeout 300 "$bin" 2>&1)
		rc=$?
		bad=$(printf '%s\n' "$out" | grep -E \
			'Received signal|Test timeout|AddressSanitizer|runtime error')
		[ "$rc" -lt 2 ] || bad="$bad
exit status $rc"
		if [ -n "$bad" ]; then
			printf 'FAIL  %s, allocation %d:\n%s\n' "$src" "$n" \
				"$bad"
			status=1
		fi
		[ -f "$mark" ] || break
		runs=$((runs + 1))
		n=$((n + 1))
	done
	[ -z "${V:-}" ] || printf '%s: %d allocations failed in turn\n' \
		"$src" "$n"
done
rm -f "$mark"
printf 'oom: %d programs, %d failed allocations\n' "$programs" "$runs"
[ "$programs" -gt 0 ] && exit $status
