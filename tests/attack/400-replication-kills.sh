#!/bin/sh
# R29: the replication agent killed a thousand times, at every system call of
# taking a bundle, while readers look: 0 torn, 0 regressed.
KILLS=1000 exec "$B/tests/unit/replication-agent/test_keeper_kills"
