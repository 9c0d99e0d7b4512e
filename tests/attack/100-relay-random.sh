#!/bin/sh
# T9, T10, R4, R16: a million events in random order over a shard's state,
# five times; and the whole range of relay ports.
set -eu
LOG=$B/attack/relay-random.out
for _n in 1 2 3 4 5; do
	RANDOM_EVENTS=${RANDOM_EVENTS:-1000000} \
		"$B/tests/unit/av-edge/test_turn_random" >"$LOG" 2>&1 || {
		grep -v relay.unbound "$LOG" | tail -n 40
		exit 1
	}
	tail -n 1 "$LOG"
done
"$B/tests/unit/av-edge/test_relay_range"
