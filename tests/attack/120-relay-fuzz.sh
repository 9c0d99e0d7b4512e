#!/bin/sh
# T13, T14: each fuzzer of the relay's for FUZZ_S seconds (default 60).
set -eu
for _t in stun_msg stun_ms frame_tcp demux_udp turn av_cred; do
	make -s fuzz T="$_t" S="${FUZZ_S:-60}"
done
