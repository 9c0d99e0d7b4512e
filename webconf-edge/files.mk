WEBCONF_EDGE_SRC := $(wildcard webconf-edge/*.c)
WEBCONF_CONNECTOR_SRC := $(wildcard webconf-edge/connector/*.c)
