EDGECTL_SRC := $(wildcard edgectl/*.c)
