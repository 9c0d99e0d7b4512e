#!/bin/sh
# Includes go along the arrow of common/README.md only, and each library is
# used in the rooms that own it. Fails with file:line of every offence.
#   tests/lint/layers.sh [DIR]
set -u
cd "${1:-.}" || exit 1

# ---- rooms: what a room may include besides itself -------------------------
rooms="
common/base:
common/run: common/base
common/net: common/run common/base
common/bus: common/net common/run common/base
common/seal: common/base
common/store: common/seal common/net common/run common/base
common/bundle: common/store common/run common/base
common/sip: common/base
common/stun: common/base
common/cred: common/base
common/wce: common/net common/run common/base
common/daemon: common/bus common/store common/net common/run common/base
"
# Daemons and tools may include all of common/, and nothing of each other.
tops="access-edge av-edge av-auth webconf-edge replication-agent edgectl"

# ---- libraries: header prefix, then the files that may include it ----------
libraries="
event2/      common/run/loop.c common/bus/ replication-agent/ edgectl/cmd_version.c
sofia-sip/   common/sip/*.c
openssl/     common/base/digest.c common/net/ common/wce/ common/seal/ common/bundle/ replication-agent/ edgectl/
sqlite3.h    common/store/ common/bundle/ replication-agent/ edgectl/ access-edge/watch_store.c
zstd.h       common/bundle/ edgectl/cmd_version.c
curl/        common/bus/ replication-agent/ edgectl/
ares.h       common/net/ edgectl/cmd_version.c
expat.h      av-auth/ edgectl/
libfyaml.h   common/run/ edgectl/cmd_version.c
seccomp.h    common/run/
srtp2/       edgectl/
libpq-fe.h   edgectl/publish/record_postgres.c
check.h      -
"

# shellcheck disable=SC2086
sources=$(find common $tops -name '*.[ch]' 2>/dev/null | sort)
[ -n "$sources" ] || { echo "layers: no sources here" >&2; exit 1; }

# shellcheck disable=SC2086
awk -v rooms="$rooms" -v libraries="$libraries" '
function fail(text) {
	printf "%s:%d: %s\n", FILENAME, FNR, text
	bad = 1
}
# "common/sip/sip_msg.c" -> "common/sip"; "av-auth/main.c" -> "av-auth"
function room_of(path,   part) {
	split(path, part, "/")
	return part[1] == "common" ? part[1] "/" part[2] : part[1]
}
# Does path match one of the places: a folder/, a file, or folder/*.c?
function is_in(path, places,   n, i, place, folder) {
	n = split(places, place, " ")
	for (i = 1; i <= n; i++) {
		if (place[i] == path)
			return 1
		if (place[i] ~ /\/$/ && index(path, place[i]) == 1)
			return 1
		if (place[i] ~ /\/\*\.c$/) {
			folder = substr(place[i], 1, length(place[i]) - 3)
			if (index(path, folder) == 1 && path ~ /\.c$/)
				return 1
		}
	}
	return 0
}
BEGIN {
	n = split(rooms, line, "\n")
	for (i = 1; i <= n; i++) {
		at = index(line[i], ":")
		if (at == 0)
			continue
		name = substr(line[i], 1, at - 1)
		may[name] = " " substr(line[i], at + 1) " "
		known[name] = 1
	}
	n = split(libraries, line, "\n")
	for (i = 1; i <= n; i++) {
		if (split(line[i], word, " ") == 0)
			continue
		prefix[++count] = word[1]
		places[count] = substr(line[i], length(word[1]) + 1)
	}
}
FNR == 1 {
	room = room_of(FILENAME)
	if (room ~ /^common\// && !known[room])
		fail("room " room " is not in the table of tests/lint/layers.sh")
}
/^#[ \t]*include[ \t]*"/ {
	split($0, quoted, "\"")
	target = quoted[2]
	if (target == "schema_sql.h") { # generated
		if (room != "common/store")
			fail("the schema belongs to common/store")
		next
	}
	if (target !~ /\//) {
		fail("include \"" target "\": give the path from the top")
		next
	}
	other = room_of(target)
	if (other == room)
		next
	if (other !~ /^common\//)
		fail(room " must not include " target ": sideways or upwards")
	else if (room ~ /^common\// && index(may[room], " " other " ") == 0)
		fail(room " must not include " target ": against the arrow")
}
/^#[ \t]*include[ \t]*</ {
	split($0, angled, /[<>]/)
	target = angled[2]
	for (i = 1; i <= count; i++) {
		if (index(target, prefix[i]) == 1 &&
		    !is_in(FILENAME, places[i]))
			fail("<" target "> is for" places[i] " only")
	}
	# Headers of base/ stand alone: no library types in them.
	if (room == "common/base" && FILENAME ~ /\.h$/ && target ~ /\// &&
	    target !~ /^(sys|netinet|arpa|linux)\//)
		fail("<" target "> in a header of base/")
}
# One place makes and turns event bases (decision D2).
/(^|[^a-z_])event_base_(new|new_with_config|loop|dispatch)\(/ {
	if (FILENAME != "common/run/loop.c")
		fail("only common/run/loop.c makes and turns an event_base")
}
END { exit bad }
' $sources || { echo "layers: includes against the arrow" >&2; exit 1; }
