#!/bin/sh
# Run unit test programs: run-unit.sh BUILD-DIR [NAME-PART]
# WRAP="valgrind ..." runs each under a tool. V=1 shows what they print.
# As root each runs in a network namespace of its own, so that ports that
# others use on this machine, or another run of the tests, do not matter;
# then two run at a time (J=1: one). Others run one after the other.
set -u

alone() {
	unshare -n sh -c 'ip link set lo up && exec "$@"' sh "$@"
}

if [ "${1:-}" = --one ]; then # RESULT-DIR PROGRAM
	log=$2/$(printf '%s' "$3" | tr / _)
	# shellcheck disable=SC2086 # WRAP is a command and its options
	if ${ALONE:-} ${WRAP:-} timeout 300 "$3" >"$log" 2>&1; then
		[ -z "${V:-}" ] || cat "$log"
		mv "$log" "$log.ok"
	else
		# In one piece, whatever the other one says meanwhile.
		printf 'FAIL  %s\n%s\n' "$3" "$(cat "$log")"
		mv "$log" "$log.failed"
	fi
	exit 0
fi

build=$1
part=${2:-}
ALONE=
if [ "$(id -u)" -eq 0 ] && alone true 2>/dev/null; then
	ALONE=alone
	: "${J:=2}"
fi
export ALONE
results=$(mktemp -d) || exit 1
trap 'rm -rf "$results"' EXIT
trap 'exit 1' HUP INT TERM

find "$build/tests/unit" -type f -name 'test_*' -perm -u+x 2>/dev/null |
	sort | while read -r bin; do
	src=${bin#"$build"/}.c
	[ -f "$src" ] || continue # left over from a file that is gone
	case $bin in *"$part"*) echo "$bin" ;; esac
done >"$results/programs"
mkdir "$results/done"
xargs -r -n 1 -P "${J:-1}" "$0" --one "$results/done" <"$results/programs"
count=$(wc -l <"$results/programs")
good=$(find "$results/done" -name '*.ok' | wc -l)
printf 'unit: %d programs, %d failed\n' "$count" $((count - good))
[ "$count" -gt 0 ] && [ "$good" -eq "$count" ]
