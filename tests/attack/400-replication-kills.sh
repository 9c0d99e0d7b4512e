#!/bin/sh
# R29: the replication agent killed a thousand times, at every system call of
# taking a bundle, while readers look: 0 torn, 0 regressed.
set -eu
KILLS=1000 "$B/tests/unit/replication-agent/test_keeper_kills" 2>&1 |
	grep -v 'event='
