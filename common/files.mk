# Sources of build/libedge.a, one line per room.
COMMON_SRC := $(wildcard common/base/*.c) $(wildcard common/run/*.c) \
	$(wildcard common/net/*.c) $(wildcard common/bus/*.c) \
	$(wildcard common/store/*.c) $(wildcard common/sip/*.c) \
	$(wildcard common/cred/*.c) $(wildcard common/stun/*.c) \
	$(wildcard common/wce/*.c) $(wildcard common/bundle/*.c) \
	$(wildcard common/seal/*.c) \
	$(wildcard common/daemon/*.c)
