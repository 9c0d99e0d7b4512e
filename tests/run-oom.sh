#!/bin/sh
# Run unit test programs again and again, failing the n-th allocation of the
# product in every test: n = 0, 1, 2 ... until no test has an n-th one.
#   tests/run-oom.sh BUILD-DIR MAX [NAME-PART]
# A test may fail, or fall over its own missing result; the product must not
# crash: no sanitizer report (signals and abort() make one as well) whose
# first frame in a .c file of ours is in the product. What leaks on the way
# is not looked at (a test that fails does not clean up), nor a test that
# waits in vain until its time is up. Tests with the tag "slow" stay out: they
# wait for a clock, and would do so for each allocation.
set -u
build=$1
max=$2
part=${3:-}
mark=$build/oom-mark
log=$build/oom.log
per_program_s=120
programs=0
runs=0
status=0

# Lines about the product in the output of one run.
crashes() {
	awk '
	/runtime error:/ && !/^(\.\/)?tests\// { print }
	/ERROR: AddressSanitizer/ { report = $0 }
	report != "" && /^ *#[0-9]+ / {
		if (match($0, / (common|access-edge|av-edge|av-auth|webconf-edge|replication-agent|edgectl)\/[a-z_\/-]*\.c:/))
			print report "\n" $0
		else if ($0 !~ / (\.\/)?tests\/[a-z_\/-]*\.[ch]:/)
			next
		report = ""
	}
	' "$log"
}

for bin in $(find "$build/tests/unit" -type f -name 'test_*' -perm -u+x |
		sort); do
	case $bin in *"$part"*) ;; *) continue ;; esac
	src=${bin#"$build"/}.c
	[ -f "$src" ] || continue
	programs=$((programs + 1))
	n=0
	end=$(($(date +%s) + per_program_s))
	while [ "$n" -lt "$max" ]; do
		rm -f "$mark"
		OOM_AT=$n OOM_MARK=$mark CK_FORK=yes CK_EXCLUDE_TAGS=slow \
			ASAN_OPTIONS=detect_leaks=0:handle_abort=1 \
			timeout $per_program_s "$bin" >"$log" 2>&1
		bad=$(crashes)
		if [ -n "$bad" ]; then
			printf 'FAIL  %s, allocation %d:\n%s\n' "$src" "$n" \
				"$bad"
			status=1
		fi
		[ -f "$mark" ] || break
		runs=$((runs + 1))
		n=$((n + 1))
		if [ "$(date +%s)" -ge "$end" ]; then
			printf 'note  %s: stopped after %d s\n' "$src" \
				$per_program_s
			break
		fi
	done
	[ -z "${V:-}" ] || printf '%s: %d allocations failed in turn\n' \
		"$src" "$n"
done
rm -f "$mark"
printf 'oom: %d programs, %d failed allocations\n' "$programs" "$runs"
[ "$programs" -gt 0 ] && exit $status
