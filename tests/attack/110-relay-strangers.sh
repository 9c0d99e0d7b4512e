#!/bin/sh
# T7, T8: a million spoofed first packets, and a minute of requests in one
# victim's name, while a call goes on.
set -eu
SOURCES=1000000 SECONDS_OF_T7=60 CALL_MESSAGES=6000
export SOURCES SECONDS_OF_T7 CALL_MESSAGES
exec unshare --net sh -c 'ip link set lo up && exec "$1"' sh \
	tests/net/801-T7-T8-strangers.sh
