#!/bin/sh
# S8, S15, S16, S17 and B9.4 in full: 10,000 slow clients, a reader at
# 64 KiB/s before a writer of 1 GB for 30 s, thousands of random events.
set -eu
SLOW=10000 JOINS=300 P99_MS=200 tests/net/803-S8-webconf-slow.sh
SECONDS=30 ROUNDS=3000 tests/net/310-webconf-attack.sh
ROUNDS=3000 tests/net/311-webconf-states.sh
tests/net/804-S16-S17-webconf.sh
for _t in wce_frame ticket opener mux; do
	make -s fuzz T="$_t" S="${FUZZ_S:-60}"
done
