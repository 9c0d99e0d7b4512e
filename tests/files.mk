# Tests: one program per unit file, one fuzzer per codec, one script per
# behaviour of the whole suite. See tests/README.md.

UNIT_SRC  := $(wildcard tests/unit/*/test_*.c)
UNIT_BIN  := $(UNIT_SRC:%.c=$(B)/%)
FUZZ_SRC  := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN  := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/fuzz/%)
# tests/mock/x.c makes bin/x, together with tests/mock/x_*.c
MOCK_SRC  := $(wildcard tests/mock/*.c)
MOCKS     := $(foreach f,$(notdir $(MOCK_SRC:.c=)),$(if $(findstring _,$(f)),,$(f)))
MOCK_BIN  := $(MOCKS:%=$(B)/bin/%)
BENCH_SRC := $(wildcard tests/bench/*.c)
BENCH_BIN := $(BENCH_SRC:tests/bench/%.c=$(B)/bin/%)
# Programs around clients that are not ours: nothing of ours is linked in.
PEER_SRC  := $(wildcard tests/peers/*.c)
PEER_BIN  := $(PEER_SRC:tests/peers/%.c=$(B)/bin/%)
TEST_SRC  := $(UNIT_SRC) $(FUZZ_SRC) $(MOCK_SRC) $(BENCH_SRC) $(PEER_SRC)

# A test may use everything of its daemon but main.c.
room_objs = $(call objs,$(filter-out $(1)/main.c,$(wildcard $(1)/*.c)) \
	$(if $(filter edgectl,$(1)),$(wildcard edgectl/*/*.c)))
unit_room = $(word 3,$(subst /, ,$(1)))
define unit_test
$(B)/$(1:.c=): $(call objs,$(1)) $$(LIB) \
		$(if $(wildcard $(call unit_room,$(1))/files.mk),$(call room_objs,$(call unit_room,$(1))))
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	@$$(CC) $$(LDFLAGS_ALL) -o $$@ $$(filter %.o,$$^) $$(LIB) \
		$$(CHECK_LIBS) $$(LIBS) $$(SRTP_LIBS) $$(TLS_HTTP_LIBS)
endef
$(foreach t,$(UNIT_SRC),$(eval $(call unit_test,$(t))))
# The connector is a program of its own in webconf-edge's folder.
$(foreach t,$(filter tests/unit/webconf-connector/%,$(UNIT_SRC)),$(eval \
	$(B)/$(t:.c=): $(call room_objs,webconf-edge/connector)))

define mock_program
$(B)/bin/$(1): $(call objs,$(filter tests/mock/$(1).c tests/mock/$(1)_%.c,$(MOCK_SRC))) $$(LIB)
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	@$$(CC) $$(LDFLAGS_ALL) -o $$@ $$(filter %.o,$$^) $$(LIB) $$(LIBS)
endef
$(foreach m,$(MOCKS),$(eval $(call mock_program,$(m))))

$(BENCH_BIN): $(B)/bin/%: $(B)/tests/bench/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $< $(LIB) $(LIBS)

$(PEER_SRC:%.c=$(B)/%.o): CFLAGS += $(call pkg_cflags,nice) $(call pkg_cflags,purple libxml-2.0 gstreamer-1.0)
$(PEER_BIN): $(B)/bin/%: $(B)/tests/peers/%.o
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $< $(shell pkg-config --libs nice purple libxml-2.0 gstreamer-1.0)

.PHONY: unit-programs check-unit check check-net mocks peers
mocks: $(MOCK_BIN)
peers: $(PEER_BIN)
unit-programs: $(UNIT_BIN)
check-unit: $(UNIT_BIN) ## unit tests alone; T=name runs one of them
	@tests/run-unit.sh $(B) $(T)
check: programs check-unit lint ## build, unit tests, lint (under a minute)
check-net: programs mocks peers ## tests of the whole suite in network namespaces (root)
	@B=$(B) tests/run-net.sh $(T)

# Fuzzers are built by clang with libFuzzer in a tree of their own.
FUZZ_B := build/fuzz
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(LIB) $(LIBS) $(SRTP_LIBS) $(TLS_HTTP_LIBS)
# A fuzzer of a daemon's own codec names the daemon: fuzz_<x>.room
$(foreach f,$(wildcard tests/fuzz/*.room),$(eval \
	$(B)/fuzz/$(notdir $(f:.room=)): $(call room_objs,$(shell cat $(f)))))
.PHONY: fuzz-programs fuzz fuzz-check
fuzz-programs: $(FUZZ_BIN)
fuzz: ## run one fuzzer: make fuzz T=sip_frame S=300
	@$(MAKE) --no-print-directory B=$(FUZZ_B) CC=clang \
		SAN=fuzzer-no-link,address,undefined \
		LDFLAGS=-fsanitize=fuzzer fuzz-programs
	@tests/run-fuzz.sh $(FUZZ_B) run $(or $(T),all) $(or $(S),60)
fuzz-check: ## replay every corpus through its fuzzer
	@$(MAKE) --no-print-directory B=$(FUZZ_B) CC=clang \
		SAN=fuzzer-no-link,address,undefined \
		LDFLAGS=-fsanitize=fuzzer fuzz-programs
	@tests/run-fuzz.sh $(FUZZ_B) replay

.PHONY: asan tsan valgrind
asan: ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory B=build/asan SAN=address,undefined check-unit
tsan: ## unit tests under ThreadSanitizer
	@$(MAKE) --no-print-directory B=build/tsan SAN=thread check-unit
valgrind: $(UNIT_BIN) ## unit tests under valgrind
	@WRAP="valgrind -q --error-exitcode=99 --leak-check=full \
	--track-fds=yes --suppressions=tests/valgrind.supp" \
	CK_FORK=no tests/run-unit.sh $(B) $(T)

.PHONY: valgrind-net
valgrind-net: programs mocks ## the daemons of some network tests under valgrind
	@for t in 100 110 200 210 300 302; do \
		VALGRIND=1 B=$(B) tests/run-net.sh $$t || exit 1; done

.PHONY: lint layers docs
lint: layers gates style docs ## include arrow, gates, form, documentation
layers: ## includes follow the arrow of common/README.md
	@tests/lint/selftest.sh
	@tests/lint/layers.sh
docs: programs ## every option, command, counter and event is documented
	@B=$(B) tests/lint/docs.sh
	@tests/lint/completion.sh

.PHONY: test
test: deps-test ## everything that must be green; what CI runs
	@$(MAKE) --no-print-directory -j2 programs
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory units
	@$(MAKE) --no-print-directory -j2 B=build/asan SAN=address,undefined \
		programs mocks peers unit-programs
	@$(MAKE) --no-print-directory B=build/asan SAN=address,undefined check-unit
	@$(MAKE) --no-print-directory fuzz-check
	@$(MAKE) --no-print-directory B=build/asan SAN=address,undefined check-net

.PHONY: attack
attack: programs mocks peers benches unit-programs ## long forms of the threats' tests, minutes each (root)
	@B=$(B) tests/run-attack.sh $(T)

.PHONY: benches soak bench bench-sip bench-relay bench-webconf bench-replication
benches: programs $(BENCH_BIN)
soak: benches ## 10,000 register, call and hang-up cycles: nothing may grow (CYCLES=)
	@B=$(B) tests/bench/soak.sh
bench: bench-sip bench-relay bench-webconf bench-replication ## comparisons against the peers, into build/bench/
bench-sip: benches ## access-edge against Kamailio: CPU per call and REGISTER, memory per connection
	@B=$(B) tests/bench/sip.sh
bench-relay: benches ## av-edge against coturn: CPU per packet and per allocation, memory
	@B=$(B) tests/bench/relay.sh
bench-replication: programs ## one topology to 1, 20 and 200 edges: time, CPU and bytes for each
	@B=$(B) tests/bench/replication.sh
bench-webconf: benches ## webconf-edge against HAProxy: CPU per GB and join, memory per pair
	@B=$(B) tests/bench/webconf.sh
