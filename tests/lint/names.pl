#!/usr/bin/perl
# Names that the documentation owes a line, read from the sources: one line
# each, "kind<TAB>owner<TAB>name<TAB>file".
#   tests/lint/names.pl FILE...
# Kinds: counter, event, route, setting. The owner is the top folder.
use strict;
use warnings;

my %seen;

sub found {
	my ($kind, $owner, $name, $file) = @_;
	return if $seen{"$kind $owner $name"}++;
	print "$kind\t$owner\t$name\t$file\n";
}

for my $file (@ARGV) {
	open my $in, '<', $file or die "$file: $!\n";
	local $/;
	my $text = <$in>;
	close $in;
	$text =~ s{/\*.*?\*/}{}gs;
	my ($owner) = $file =~ m{^([^/]+)};
	# A program of its own in a daemon's folder.
	$owner = 'webconf-connector' if $file =~ m{^webconf-edge/connector/};

	# log_notice("noun.verb", log_limited(LEVEL, 5, "noun.verb",
	# daemon_event(d, "noun.verb", log_event(level, ok ? "a.b" : "c.d"
	while ($text =~ /\b(?:log_(?:event|error|warning|notice|info|debug|
			limited)|daemon_event)\s*\([^";]*
			"([a-z_]+\.[a-z_]+)"
			(?:\s*:\s*"([a-z_]+\.[a-z_]+)")?/gx) {
		my @names = grep { defined } $1, $2;

		found('event', $owner, $_, $file) for @names;
	}
	# [ID] = {"name", labels, COUNTER_TOTAL, ... or { .name = "name", ...
	while ($text =~ /\{([^{}]*?COUNTER_(?:TOTAL|GAUGE)[^{}]*?)\}/gs) {
		my $row = $1;
		next unless $row =~ /^\s*(?:\.name\s*=\s*)?"([a-z0-9_]+)"/ or
			$row =~ /\.name\s*=\s*"([a-z0-9_]+)"/;
		found('counter', $owner, $1, $file);
	}
	# [ID] = TOTAL("name", ... where a table has short names for its rows
	while ($text =~ /\b(?:TOTAL|GAUGE)\(\s*"([a-z0-9_]+)"/g) {
		found('counter', $owner, $1, $file);
	}
	# { .method = "GET", .path = "/v1/x" ... or {"GET", "/v1/x", ...
	while ($text =~ /"(GET|POST)"\s*,\s*(?:\.path\s*=\s*)?
			"(\/[a-z0-9_\/]*)"/gx) {
		found('route', $owner, "$1 $2", $file);
	}
	if ($file =~ m{^common/run/setting_table}) {
		while ($text =~ /\.name\s*=\s*"([a-z0-9_]+)"/g) {
			found('setting', $owner, $1, $file);
		}
	}
}
