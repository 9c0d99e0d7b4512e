#!/bin/sh
# R21: a thousand activations in one life of the agent's keeper: files,
# descriptors and memory are what they were after five hundred.
set -eu
ACTIVATIONS=1000 CK_RUN_CASE=many \
	"$B/tests/unit/replication-agent/test_keeper" 2>&1 | grep -v 'event='
