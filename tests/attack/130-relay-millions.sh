#!/bin/sh
# T3, T4, T17, R4: a million random cases of each property.
set -eu
CASES=1000000
export CASES
for _t in base/test_netset base/test_addr av-edge/test_peer_policy \
	av-edge/test_nonce av-edge/test_port_pool; do
	CK_DEFAULT_TIMEOUT=600 "$B/tests/unit/$_t"
done
