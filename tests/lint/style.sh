#!/bin/sh
# The rules of form that a machine can check without changing a file:
# 80 columns at tabs of 8, no blanks at line ends, files under 800 lines,
# functions under 80, a comment at the top of each source, guards in headers.
#   tests/lint/style.sh [DIR]
set -u
cd "${1:-.}" || exit 1

sources=$(find common access-edge av-edge av-auth webconf-edge \
	replication-agent edgectl tests -name '*.[ch]' 2>/dev/null | sort)
[ -n "$sources" ] || { echo "style: no sources here" >&2; exit 1; }

# shellcheck disable=SC2086
awk '
function fail(line, text) {
	printf "%s:%d: %s\n", FILENAME, line, text
	bad = 1
}
function columns(text,   i, c, width) {
	width = 0
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		width = c == "\t" ? width + 8 - width % 8 : width + 1
	}
	return width
}
function end_of_file() {
	if (file != "" && lines > 800)
		fail_at(file, lines, "more than 800 lines: look for the second noun")
	if (file ~ /\.h$/ && !guarded)
		fail_at(file, 1, "no include guard")
}
function fail_at(name, line, text) {
	printf "%s:%d: %s\n", name, line, text
	bad = 1
}
FNR == 1 {
	end_of_file()
	file = FILENAME
	guarded = 0
	body = 0
	if ($0 !~ /^\/\*/)
		fail(1, "opens without a comment: what lives here, what does not")
}
{ lines = FNR }
/[ \t]$/ { fail(FNR, "blanks at the end of the line") }
/^ +\t/ || /^        / { fail(FNR, "indented by blanks; use tabs") }
columns($0) > 80 { fail(FNR, "more than 80 columns") }
/^#ifndef [A-Z0-9_]+_H$/ { guarded = 1 }
# A function: from the brace in column 1 to its end. Tables end in "};".
/^\{/ { body = FNR }
/^\}$/ {
	if (body && FNR - body > 80)
		fail(body, "function of " FNR - body " lines; 80 at most")
	body = 0
}
END { end_of_file(); exit bad }
' $sources || { echo "style: see the lines above" >&2; exit 1; }
