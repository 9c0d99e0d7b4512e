ACCESS_EDGE_SRC := $(wildcard access-edge/*.c)
