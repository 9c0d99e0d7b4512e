# publish/ is the publisher; libpq is loaded there when it is asked for.
EDGECTL_SRC := $(wildcard edgectl/*.c) $(wildcard edgectl/*/*.c)
$(B)/edgectl/publish/%.o: CFLAGS += -isystem \
	$(shell pg_config --includedir 2>/dev/null || echo /usr/include/postgresql)
