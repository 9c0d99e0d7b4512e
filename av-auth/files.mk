AV_AUTH_SRC := $(wildcard av-auth/*.c)
