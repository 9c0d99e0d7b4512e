#!/bin/sh
# Threat T8 in the long form: 10,000 TCP connections at once, again and again.
CONNECTIONS=10000 ROUNDS=5 exec tests/net/807-T8-connections.sh
