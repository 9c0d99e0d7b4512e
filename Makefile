# Sallyport: one non-recursive Makefile. Everything it makes lies in $(B).
# `make help` lists the targets; source lists are in */files.mk.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

VERSION := 0.1.0
B       ?= build
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
SAN     ?=
# Release tarballs, which have no .git, build with any compiler's warnings.
WERROR  ?= $(if $(wildcard .git),-Werror)
PREFIX  ?= /usr
ARGS    ?=

PKGS := libevent_core libevent_extra libevent_pthreads openssl sofia-sip-ua \
	sqlite3 libcares expat jansson libfyaml libcurl libseccomp libzstd
DAEMONS := access-edge av-edge av-auth webconf-edge replication-agent
PROGRAMS := $(DAEMONS) webconf-connector edgectl

# ---- flags ----------------------------------------------------------------
# Library headers come in with -isystem: they do not meet our warning set.
pkg_cflags = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(1)))
IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null))

WARN := -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wwrite-strings -Wundef -Wvla -Walloca -Wformat=2 -Wconversion \
	-Wno-sign-conversion -Wnull-dereference -Wdouble-promotion
ifeq ($(IS_CLANG),)
WARN += -Wcast-align=strict -Wduplicated-cond -Wduplicated-branches \
	-Wlogical-op -Wimplicit-fallthrough=5
endif
ifneq ($(SAN),)
# Sanitizers move code about so much that flow warnings turn false.
WARN := $(filter-out -Wnull-dereference,$(WARN))
OPT  := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) \
	-fno-sanitize-recover=undefined
else
OPT  := -O2 -g -D_FORTIFY_SOURCE=2
endif
HARDEN := -fno-common -fstack-protector-strong -fstack-clash-protection \
	-fcf-protection -fPIE
CFLAGS_ALL = -std=gnu11 -D_GNU_SOURCE -DEDGE_VERSION='"$(VERSION)"' \
	$(OPT) $(HARDEN) $(WARN) $(WERROR) -I. -I$(B)/gen \
	$(call pkg_cflags,$(PKGS)) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed \
	$(if $(SAN),-fsanitize=$(SAN)) -pthread $(LDFLAGS)
LIBS = $(shell pkg-config --libs $(PKGS)) -lm
SRTP_LIBS = $(shell pkg-config --libs libsrtp2)
# evhttp over TLS, for port 4443 alone.
TLS_HTTP_LIBS = $(shell pkg-config --libs libevent_openssl)
CHECK_LIBS = $(shell pkg-config --libs check)

objs = $(patsubst %.c,$(B)/%.o,$(1))
LIB := $(B)/libedge.a

.PHONY: all
all: programs

include common/files.mk
include $(foreach d,$(DAEMONS) edgectl,$(d)/files.mk)
include tests/files.mk
include tests/tools.mk
-include deploy/files.mk

# ---- building -------------------------------------------------------------

$(B)/%.o: %.c | $(B)/gen/schema_sql.h
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# schema.sql is compiled in, so a bundle or a file can't bring its own.
$(B)/gen/schema_sql.h: common/store/schema.sql
	@mkdir -p $(@D)
	@echo "  GEN     $@"
	@{ printf 'static const char SCHEMA_SQL[] =\n'; \
	   sed -e 's/[\\"]/\\&/g' -e 's/.*/"&\\n"/' $<; printf ';\n'; } > $@

$(LIB): $(call objs,$(COMMON_SRC))
	@echo "  AR      $@"
	@rm -f $@ && ar rcs $@ $^

define program
$(B)/bin/$(1): $(call objs,$($(2))) $$(LIB)
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	@$$(CC) $$(LDFLAGS_ALL) -o $$@ $(call objs,$($(2))) $$(LIB) $$(LIBS) $(3)
ALL_SRC += $($(2))
endef
$(eval $(call program,access-edge,ACCESS_EDGE_SRC))
$(eval $(call program,av-edge,AV_EDGE_SRC))
$(eval $(call program,av-auth,AV_AUTH_SRC))
$(eval $(call program,webconf-edge,WEBCONF_EDGE_SRC))
$(eval $(call program,webconf-connector,WEBCONF_CONNECTOR_SRC))
$(eval $(call program,replication-agent,REPLICATION_AGENT_SRC,$$(TLS_HTTP_LIBS)))
$(eval $(call program,edgectl,EDGECTL_SRC,$$(SRTP_LIBS)))

.PHONY: programs
programs: $(PROGRAMS:%=$(B)/bin/%) ## build everything (warnings are errors)

-include $(patsubst %.c,$(B)/%.d,$(COMMON_SRC) $(ALL_SRC) $(TEST_SRC))

# ---- packages -------------------------------------------------------------
.PHONY: deps deps-test
deps: ## install the Debian packages that building and running need
	@deploy/deps.sh build
deps-test: ## the same, and the peers that the tests talk to
	@deploy/deps.sh build test

# ---- housekeeping ---------------------------------------------------------
.PHONY: clean help
clean: ## remove everything that was built
	@rm -rf $(B)
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' \
		$(MAKEFILE_LIST) | sort -u
