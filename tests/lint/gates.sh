#!/bin/sh
# What no source may contain: the mistakes behind threats T16, T17 and T18,
# and the things that have one place only. Fails with file:line of each.
#   tests/lint/gates.sh [DIR]
# Comments are not looked at. A line that is right in spite of a gate says so
# at its end: /* gate: why */
set -u
cd "${1:-.}" || exit 1

tops="common access-edge av-edge av-auth webconf-edge replication-agent edgectl"
# shellcheck disable=SC2086
sources=$(find $tops -name '*.[ch]' 2>/dev/null | sort)
[ -n "$sources" ] || { echo "gates: no sources here" >&2; exit 1; }
status=0

report() { # NAME WHY LINES
	[ -n "$3" ] || return 0
	printf '%s\n' "$3" | sed "s|^\([^:]*:[0-9]*\):.*|\1: $1: $2|"
	status=1
}

# gate NAME PATTERN EXCEPT WHY FILES...: no line matches PATTERN (extended),
# but in files that match EXCEPT (a pattern of paths, "-" = none).
gate() {
	name=$1 pattern=$2 except=$3 why=$4
	shift 4
	[ $# -gt 0 ] || return 0
	report "$name" "$why" "$(grep -nHE -- "$pattern" "$@" |
		grep -v '/\* gate: ' |
		grep -vE -- "^($except):|^[^:]*:[0-9]*:[ 	]*(/\*|\*)")"
}

# Names of functions, not of longer words that end like them.
b='(^|[^a-zA-Z0-9_])'

secret=$(printf '%s\n' "$sources" |
	grep -E '^(common/(cred|stun|seal)/|common/base/digest\.c|av-auth/|av-edge/(turn_auth|ms_auth|nonce|pool_key|reservation|rest_secrets)|access-edge/flow)')
# shellcheck disable=SC2086
gate T18 "$b(memcmp|bcmp|timingsafe_bcmp)\(" - \
	"secrets are compared by digest_eq() only" $secret

# shellcheck disable=SC2086
{
gate T16 "$b(sqlite3_v?[ms]n?printf|sqlite3_get_table|sqlite3_str_append)" - \
	"SQL is never put together from parts" $sources
gate T16 "$b(sqlite3_exec|sqlite3_prepare(_v[23])?)\(" 'common/store/sql\.c' \
	"statements go through common/store/sql.h, values are bound" $sources
gate T16 "printf\(.*\"[^\"]*(SELECT|INSERT|UPDATE|DELETE|REPLACE|ATTACH|PRAGMA) " \
	- "SQL is never put together from parts" $sources

gate T17 "$b(rand|random|srand|srandom|[dlm]rand48|rand_r|RAND_bytes|RAND_pseudo_bytes|arc4random)\(" \
	- "random numbers come from common/base/rand.h" $sources
gate T17 "$b(getrandom|getentropy)\(|open[a-z]*\(.*/dev/u?random" 'common/base/rand\.c' \
	"random numbers come from common/base/rand.h" $sources

gate unsafe "$b(gets|strcpy|strcat|stpcpy|sprintf|vsprintf|alloca|strtok|atoi|atol|atoll|inet_ntoa|inet_addr|gmtime|localtime|ctime|asctime|tmpnam|tempnam|mktemp|system|popen|gethostbyname)\(" \
	- "unbounded, unsafe between threads, or runs a shell" $sources
gate clock "$b(clock_gettime|gettimeofday|time)\(" 'common/base/clock\.c' \
	"moments come from common/base/clock.h, so that tests can set them" \
	$sources
report unfinished "finish it, or open an issue" "$(grep -nHE \
	"(^|[^A-Za-z_])(TODO|FIXME|XXX|HACK)([^A-Za-z_]|$)" $sources)"
gate stderr "$b(perror\(|fprintf\(stderr|syslog\()" \
	'edgectl/[a-z_/]*\.c|common/daemon/[a-z_]*\.c' \
	"daemons speak through common/base/log.h" $sources
}
[ "$status" -eq 0 ] || echo "gates: see the lines above" >&2
exit "$status"
