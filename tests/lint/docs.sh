#!/bin/sh
# Everything that a person can type, set, read or count is documented:
#   counters        docs/ops/counters.md
#   events          docs/ops/events.md
#   bus routes      docs/protocol/control-bus.md
#   settings        docs/man/topology.yaml.5
#   edgectl         docs/man/edgectl.1: every command and every option
#   daemons         docs/man/<daemon>.8: every option
# Names come from the sources (names.pl) and from the programs' own --help;
# what is missing is listed, and what is documented but gone as well.
#   B=build tests/lint/docs.sh
set -u
B=${B:-build}
status=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

missing() { # FILE KIND NAME WHERE
	printf 'docs: %s: %s %s (%s) is not documented\n' "$1" "$2" "$3" "$4"
	status=1
}

# Does FILE have `name`, in back quotes, or alone in a table cell?
has_name() {
	grep -qF -- "\`$2\`" "$1" 2>/dev/null
}

# ---- names in the sources ---------------------------------------------------
find common access-edge av-edge av-auth webconf-edge replication-agent \
	edgectl -name '*.c' 2>/dev/null | sort |
	xargs perl tests/lint/names.pl >"$tmp/names" || exit 1
tab=$(printf '\t')
while IFS=$tab read -r kind owner name file; do
	case $kind in
	counter)
		# Rows of common/ belong to every daemon.
		prefix=sallyport_$(printf '%s' "$owner" | tr - _)_
		[ "$owner" = common ] && prefix=
		has_name docs/ops/counters.md "$prefix$name" ||
			missing docs/ops/counters.md counter "$prefix$name" \
				"$file"
		;;
	event)
		has_name docs/ops/events.md "$name" ||
			missing docs/ops/events.md event "$name" "$file"
		;;
	route)
		has_name docs/protocol/control-bus.md "$name" ||
			missing docs/protocol/control-bus.md route "$name" \
				"$file"
		;;
	setting) echo "$name $file" >>"$tmp/settings" ;;
	esac
done <"$tmp/names"

# ---- and back: documented, but gone -----------------------------------------
gone() { # FILE KIND PATTERN
	[ -f "$1" ] || return 0
	sed -n "s/^| \`\($3\)\`.*/\1/p" "$1" | while read -r name; do
		short=$name
		[ "$2" = counter ] && for d in access_edge av_edge av_auth \
			webconf_edge webconf_connector replication_agent; do
			short=${short#sallyport_"$d"_}
		done
		cut -f 1,3 "$tmp/names" | grep -qxF "$2$tab$short" ||
			printf 'docs: %s: %s %s is in no source any more\n' \
				"$1" "$2" "$name"
	done
}
{
	gone docs/ops/events.md event '[a-z_]*\.[a-z_]*'
	gone docs/ops/counters.md counter '[a-z0-9_]*'
} >"$tmp/gone"
if [ -s "$tmp/gone" ]; then
	cat "$tmp/gone"
	status=1
fi

# ---- manual pages -----------------------------------------------------------
# The page as a reader sees it, on one line, so that no break hides a word.
render() {
	if [ ! -f "docs/man/$1" ]; then
		printf 'docs: docs/man/%s is missing\n' "$1"
		status=1
		: >"$tmp/$1"
		return
	fi
	# Bold is letter, backspace, letter.
	mandoc -T ascii -O width=500 "docs/man/$1" |
		perl -pe 's/.\x08//g' | tr -s ' \n' '  ' >"$tmp/$1"
}
# As a word of its own; a page that is missing was named once already.
in_page() { # PAGE NAME
	[ -s "$tmp/$1" ] || return 0
	grep -qE -- "(^|[^a-z0-9_-])$2($|[^a-z0-9_-])" "$tmp/$1"
}

options_of() { sed -n 's/^ *\(-[a-zA-Z], *\)*\(--[a-z][a-z-]*\).*/\2/p'; }

render topology.yaml.5
if [ -f "$tmp/settings" ]; then
	while read -r name file; do
		in_page topology.yaml.5 "$name" ||
			missing docs/man/topology.yaml.5 setting "$name" "$file"
	done <"$tmp/settings"
fi

for bin in "$B"/bin/*-edge "$B"/bin/av-auth "$B"/bin/replication-agent; do
	[ -x "$bin" ] || continue
	daemon=$(basename "$bin")
	[ -d "$daemon" ] || continue
	render "$daemon.8"
	for option in $("$bin" --help 2>&1 | options_of); do
		in_page "$daemon.8" "$option" ||
			missing "docs/man/$daemon.8" option "$option" --help
	done
done

render edgectl.1
edgectl=$B/bin/edgectl
nouns=$("$edgectl" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p')
if [ -z "$nouns" ]; then
	echo "docs: '$edgectl --help' lists no commands"
	status=1
fi
verb_options() { # NOUN [VERB]: options of its own
	"$edgectl" "$@" --help | sed '/^Options of every command/,$d' |
		options_of
}
for noun in $nouns; do
	verbs=$("$edgectl" "$noun" --help |
		sed -n "/^Usage:$/,\$s/^  edgectl $noun \([a-z-]*\).*/\1/p")
	[ -n "$verbs" ] || verbs=-
	for verb in $verbs; do
		words="$noun $verb"
		[ "$verb" = - ] && words=$noun
		in_page edgectl.1 "$words" ||
			missing docs/man/edgectl.1 command "'$words'" --help
		# shellcheck disable=SC2086
		for option in $(verb_options $words); do
			in_page edgectl.1 "$option" ||
				missing docs/man/edgectl.1 option \
					"'$words $option'" --help
		done
	done
done

# ---- what edgectl prints of itself is in the tree as it is ------------------
"$edgectl" help --mdoc | cmp -s - docs/man/edgectl.1 &&
	"$edgectl" completion bash | cmp -s - deploy/completion/edgectl &&
	"$edgectl" completion zsh | cmp -s - deploy/completion/_edgectl || {
	echo "docs: docs/man/edgectl.1 or deploy/completion/ is old;" \
		"make generated"
	status=1
}

# ---- every page of the tree is a sound one ----------------------------------
for page in docs/man/*.[158]; do
	[ -f "$page" ] || continue
	mandoc -T lint -W warning "$page" || status=1
done
[ $status -eq 0 ] || echo "docs: see the lines above" >&2
exit $status
