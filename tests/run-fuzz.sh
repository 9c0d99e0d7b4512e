#!/bin/sh
# run-fuzz.sh BUILD-DIR run TARGET SECONDS | BUILD-DIR replay
# What a run finds is kept in tests/fuzz/corpus/<target>/ as crash-*.
set -u
build=$1
how=$2
target=${3:-all}
seconds=${4:-60}
status=0
for bin in "$build"/fuzz/fuzz_*; do
	[ -x "$bin" ] || continue
	name=$(basename "$bin")
	name=${name#fuzz_}
	[ -f "tests/fuzz/fuzz_$name.c" ] || continue
	[ "$target" = all ] || [ "$target" = "$name" ] || continue
	corpus=tests/fuzz/corpus/$name
	mkdir -p "$corpus"
	dict=
	[ -f "tests/fuzz/$name.dict" ] && dict=-dict=tests/fuzz/$name.dict
	if [ "$how" = run ]; then
		mkdir -p "$build/found/$name"
		# shellcheck disable=SC2086
		"$bin" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 \
			-artifact_prefix="$corpus/crash-" $dict \
			"$build/found/$name" "$corpus" || status=1
	else
		log=$build/replay-$name.log
		if "$bin" -runs=0 -timeout=5 "$corpus" >"$log" 2>&1; then
			printf 'fuzz-check: %-16s %s inputs\n' "$name" \
				"$(find "$corpus" -type f | wc -l)"
		else
			cat "$log"
			status=1
		fi
	fi
done
exit $status
