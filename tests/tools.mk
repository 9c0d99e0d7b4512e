# Tools that look at the sources. `make deps-tools` installs them; none is
# needed for building, nor for `make test`. Each has its own build tree.

PRODUCT_SRC := $(sort $(COMMON_SRC) $(wildcard $(PROGRAMS:%=%/*.c)))
PRODUCT_HDR := $(sort $(wildcard common/*/*.h $(PROGRAMS:%=%/*.h)))
FORMAT_SRC = $(PRODUCT_SRC) $(PRODUCT_HDR) $(TEST_SRC) \
	$(wildcard tests/*/*.h)
TOOL_FLAGS = -std=gnu11 -D_GNU_SOURCE -DEDGE_VERSION='"$(VERSION)"' -I. \
	-I$(B)/gen $(call pkg_cflags,$(PKGS))
SUBMAKE = $(MAKE) --no-print-directory
need = @command -v $(1) >/dev/null || \
	{ echo "$(1) is missing; 'make deps-tools' installs it" >&2; exit 1; }

.PHONY: deps-tools format format-check tidy cppcheck analyze iwyu
deps-tools: ## install the tools behind the targets below
	@deploy/deps.sh build test tools
format: ## clang-format what you changed since the last commit
	$(call need,clang-format)
	@git diff --name-only --diff-filter=d HEAD -- '*.c' '*.h' | \
		xargs -r clang-format -i
format-check: ## what clang-format would change, everywhere (advice)
	$(call need,clang-format)
	@clang-format --dry-run -Werror $(FORMAT_SRC)
tidy: $(B)/gen/schema_sql.h ## clang-tidy; T=folder/ for a part
	$(call need,clang-tidy)
	@# One file a run: with more, clang 14 loses track of va_start().
	@printf '%s\n' $(filter $(T)%,$(PRODUCT_SRC)) | \
		xargs -P 2 -I FILE clang-tidy --quiet --warnings-as-errors='*' \
		FILE -- $(TOOL_FLAGS) 2>/dev/null
cppcheck: $(B)/gen/schema_sql.h ## cppcheck
	$(call need,cppcheck)
	@cppcheck --quiet --std=c11 --inline-suppr --error-exitcode=1 \
		--enable=warning,performance,portability -j 2 \
		--suppressions-list=tests/lint/cppcheck.supp \
		--include=tests/lint/cppcheck.h -D_GNU_SOURCE -D__GNUC__=12 \
		-I. -I$(B)/gen \
		$(filter $(T)%,$(PRODUCT_SRC))
analyze: ## clang's static analyzer over the whole build
	$(call need,scan-build)
	@scan-build --status-bugs -o build/analyze-report --use-cc=clang \
		$(SUBMAKE) -j2 B=build/analyze CC=ccc-analyzer programs
iwyu: $(B)/gen/schema_sql.h ## include-what-you-use (advice)
	$(call need,include-what-you-use)
	@for f in $(filter $(T)%,$(PRODUCT_SRC)); do \
		include-what-you-use $(TOOL_FLAGS) $$f; done; true

# The floor only rises.
COVERAGE_FLOOR := 70
.PHONY: coverage check-oom
coverage: ## line coverage of the unit tests; report in build/coverage
	$(call need,gcovr)
	@find build/cov -name '*.gcda' -delete 2>/dev/null || true
	@$(SUBMAKE) -j2 B=build/cov WERROR= CFLAGS='-Og --coverage' \
		LDFLAGS=--coverage unit-programs programs
	@$(SUBMAKE) B=build/cov WERROR= CFLAGS='-Og --coverage' \
		LDFLAGS=--coverage check-unit
	@mkdir -p build/coverage
	@gcovr -r . --object-directory build/cov \
		$(foreach d,common $(PROGRAMS),-f '$(d)/') \
		--exclude-throw-branches --fail-under-line $(COVERAGE_FLOOR) \
		--txt build/coverage/lines.txt --print-summary \
		--html-details build/coverage/index.html build/cov

# Product sources see tests/oom/oom.h first, tests do not. digest.c is left
# alone: it aborts when it has no memory, on purpose.
OOM_B := build/oom
ifeq ($(B),$(OOM_B))
$(B)/common/%.o: CFLAGS += -include tests/oom/oom.h
$(foreach d,$(PROGRAMS),$(eval $(B)/$(d)/%.o: CFLAGS += -include tests/oom/oom.h))
$(B)/common/base/digest.o: CFLAGS := $(CFLAGS)
$(LIB): $(B)/tests/oom/oom.o
endif
check-oom: ## unit tests, failing each allocation in turn; T=name, N=200
	@$(SUBMAKE) -j2 B=$(OOM_B) SAN=address,undefined unit-programs
	@tests/run-oom.sh $(OOM_B) $(or $(N),200) $(T)

.PHONY: gates style man dist
gates: ## the mistakes behind T16, T17, T18 are in no source
	@tests/lint/gates.sh
style: ## 80 columns, 80 lines a function, 800 a file
	@tests/lint/style.sh
man: ## manual pages are sound
	@mandoc -T lint -W warning $(wildcard docs/man/*.[158])
dist: ## build/sallyport-VERSION.tar.gz of the last commit
	@mkdir -p build
	@git archive --format=tar.gz --prefix=sallyport-$(VERSION)/ \
		-o build/sallyport-$(VERSION).tar.gz HEAD
	@echo build/sallyport-$(VERSION).tar.gz
