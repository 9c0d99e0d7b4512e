REPLICATION_AGENT_SRC := $(wildcard replication-agent/*.c)
