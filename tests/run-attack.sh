#!/bin/sh
# The long forms of the threats' tests: run-attack.sh [NAME-PART]
# Each tests/attack/*.sh runs by itself, for ATTACK_S seconds at most; what it
# prints goes to build/attack/ (V=1: to the terminal). 77 means "skipped".
set -u
B=${B:-build}
V=${V:-}
export B
mkdir -p "$B/attack"
failed=0
count=0
for script in tests/attack/*.sh; do
	name=$(basename "$script" .sh)
	case $name in *"${1:-}"*) ;; *) continue ;; esac
	count=$((count + 1))
	log=$B/attack/$name.log
	t0=$(date +%s)
	if [ -n "$V" ]; then
		timeout "${ATTACK_S:-900}" "$script"
	else
		timeout "${ATTACK_S:-900}" "$script" >"$log" 2>&1
	fi
	case $? in
	0) printf 'ok    %-40s %4ds\n' "$name" $(($(date +%s) - t0)) ;;
	77) printf 'skip  %s\n' "$name" ;;
	*)
		failed=$((failed + 1))
		printf 'FAIL  %s\n' "$name"
		[ -n "$V" ] || tail -n 20 "$log"
		;;
	esac
done
echo "attack: $count scripts, $failed failed"
[ "$failed" -eq 0 ]
