#!/bin/sh
# R21: a thousand activations in one life of the agent's keeper: files,
# descriptors and memory are what they were after five hundred.
ACTIVATIONS=1000 exec "$B/tests/unit/replication-agent/test_keeper_many"
