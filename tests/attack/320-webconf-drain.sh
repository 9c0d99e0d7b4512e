#!/bin/sh
# B9.6: 5,000 relays through a drain, none cut before its deadline.
exec tests/bench/webconf_drain.sh
