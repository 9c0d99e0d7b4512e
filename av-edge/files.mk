AV_EDGE_SRC := $(wildcard av-edge/*.c)
