#!/bin/sh
# Run the tests of the whole suite: run-net.sh [NAME-PART]
# Each tests/net/NNN-name.sh runs by itself; 77 means "skipped, and why".
set -u
B=${B:-build}
export B
part=${1:-}
if [ "$(id -u)" -ne 0 ]; then
	echo "check-net: needs root for network namespaces; skipped" >&2
	exit 0
fi
failed=0
count=0
skipped=0
start=$(date +%s)
mkdir -p "$B/net"
for script in tests/net/[0-9][0-9][0-9]-*.sh; do
	[ -f "$script" ] || continue
	case $script in *"$part"*) ;; *) continue ;; esac
	name=$(basename "$script" .sh)
	count=$((count + 1))
	t0=$(date +%s)
	if [ -n "${V:-}" ]; then
		timeout 300 "$script"
	else
		timeout 300 "$script" >"$B/net/$name.log" 2>&1
	fi
	case $? in
	0) printf 'ok    %-44s %3ds\n' "$name" $(($(date +%s) - t0)) ;;
	77)
		skipped=$((skipped + 1))
		printf 'skip  %s: %s\n' "$name" "$(tail -n 1 "$B/net/$name.log")"
		;;
	*)
		failed=$((failed + 1))
		printf 'FAIL  %s (see %s)\n' "$name" "$B/net/$name.log"
		tail -n 40 "$B/net/$name.log" 2>/dev/null
		;;
	esac
done
printf 'net: %d tests, %d failed, %d skipped, %d s\n' "$count" "$failed" \
	"$skipped" $(($(date +%s) - start))
[ "$failed" -eq 0 ] && [ "$count" -gt 0 ]
