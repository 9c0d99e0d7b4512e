#!/bin/sh
# The lint scripts find what they are for: a tree with one offence of each
# kind is made, and every line must be named. (A gate that finds nothing is
# either a good sign or a broken gate.)
set -u
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT
trap 'exit 1' HUP INT TERM
status=0

plant() { # PATH: a source with the lines of standard input, from line 2 on
	mkdir -p "$tree/$(dirname "$1")"
	{ echo "/* Planted. */"; cat; } >"$tree/$1"
}
expect() { # SCRIPT FILE:LINE...: exactly these are named
	script=$1
	shift
	got=$("$here/$script" "$tree" 2>/dev/null | cut -d : -f 1,2 | sort -u |
		tr '\n' ' ')
	want=$(printf '%s\n' "$@" | sort -u | tr '\n' ' ')
	[ "$got" = "$want" ] && return
	printf 'selftest: %s named %s\n  instead of %s\n' "$script" "$got" \
		"$want"
	status=1
}

plant common/base/good.h <<'EOT'
#ifndef BASE_GOOD_H
#define BASE_GOOD_H
#include <stdint.h>
#endif
EOT
plant common/base/bad.c <<'EOT'
#include "common/base/good.h"
#include "common/net/stream.h"
#include <event2/event.h>
EOT
plant common/net/bad.c <<'EOT'
#include "common/run/loop.h"
#include "common/bus/bus_server.h"
#include <sofia-sip/sip.h>
	struct event_base *base = event_base_new();
EOT
plant common/sip/bad.h <<'EOT'
#ifndef SIP_BAD_H
#include <sofia-sip/sip.h>
#endif
EOT
plant av-auth/bad.c <<'EOT'
#include "common/sip/sip_msg.h"
#include "av-edge/alloc.h"
#include "bad.h"
#include <sqlite3.h>
EOT
expect layers.sh common/base/bad.c:3 common/base/bad.c:4 common/net/bad.c:3 \
	common/net/bad.c:4 common/net/bad.c:5 common/sip/bad.h:3 \
	av-auth/bad.c:3 av-auth/bad.c:4 av-auth/bad.c:5

rm -rf "${tree:?}"/*
plant common/cred/bad.c <<'EOT'
	if (memcmp(mac, want, 20) == 0)
	if (memcmp(p, MAGIC, 4) == 0) /* gate: not a secret */
	/* memcmp() is not used on secrets */
	if (digest_eq(mac, want, 20))
EOT
plant common/store/sql.c <<'EOT'
	sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
EOT
plant common/store/bad.c <<'EOT'
	sqlite3_exec(db, sql, NULL, NULL, NULL);
	char *sql = sqlite3_mprintf("x");
	snprintf(sql, sizeof(sql), "SELECT * FROM t WHERE name='%s'", name);
	sql_run(db, why, "SELECT * FROM t WHERE name=?", "t", name);
EOT
plant av-edge/bad.c <<'EOT'
	port = rand() % 10000;
	getrandom(p, 4, 0);
	seconds = time(NULL);
	strcpy(out, text);
	fprintf(stderr, "no\n");
	/* TODO later */
	mono_time(NULL);
	operand();
EOT
plant edgectl/good.c <<'EOT'
	fprintf(stderr, "yes\n");
EOT
expect gates.sh common/cred/bad.c:2 common/store/bad.c:2 common/store/bad.c:3 \
	common/store/bad.c:4 av-edge/bad.c:2 av-edge/bad.c:3 av-edge/bad.c:4 \
	av-edge/bad.c:5 av-edge/bad.c:6 av-edge/bad.c:7

rm -rf "${tree:?}"/*
plant common/base/good.h <<'EOT'
#ifndef BASE_GOOD_H
#define BASE_GOOD_H
#endif
EOT
plant common/base/unguarded.h <<'EOT'
int x;
EOT
plant common/base/form.c <<'EOT'
int trailing; 
        int blanks;
	/* this comment is longer than eighty columns because of its tab at front */
EOT
{
	echo "/* Planted. */"
	echo "int f(void)"
	echo "{"
	i=0
	while [ $i -lt 90 ]; do
		printf '\tf();\n'
		i=$((i + 1))
	done
	echo "}"
} >"$tree/common/base/long.c"
{ echo "/* Planted. */"; yes '' | head -n 900; } >"$tree/common/base/huge.c"
echo "int bare;" >"$tree/common/base/bare.c"
expect style.sh common/base/unguarded.h:1 common/base/form.c:2 \
	common/base/form.c:3 common/base/form.c:4 common/base/long.c:3 \
	common/base/huge.c:901 common/base/bare.c:1

cat >"$tree/names.c" <<'EOT'
	log_notice("daemon.ready", "pid=%d", 1);
	log_limited(LOG_LEVEL_INFO, 5,
		"peer.noise", "n=%d", n);
	daemon_event(d->life, "keys.rotated", "id=%u", id);
	/* log_info("not.this", "") */
	[A] = {"made", NULL, COUNTER_TOTAL, "", "Things made"},
	{ .name = "held", .kind = COUNTER_GAUGE, .unit = "" },
	{ .method = "GET", .path = "/v1/keys", },
	{"POST", "/v1/keys/rotate", BUS_CHANGE, NULL, "x", f},
EOT
got=$(cd "$tree" && perl "$here/names.pl" names.c | cut -f 1,3 |
	sort | tr '\t\n' ' ;')
want="counter held;counter made;event daemon.ready;event keys.rotated;"
want="${want}event peer.noise;route GET /v1/keys;route POST /v1/keys/rotate;"
if [ "$got" != "$want" ]; then
	printf 'selftest: names.pl found %s\n  instead of %s\n' "$got" "$want"
	status=1
fi
exit $status
