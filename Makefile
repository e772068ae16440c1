# The daily commands. Meson builds; this installs what is missing and calls it.

PORT ?= 8080
DIR ?= site
PREFIX ?= /usr/local
# Without dpkg-dev Meson would take lib64, where Debian's loader and pkg-config do not look.
LIBDIR ?= lib
BUILD ?= build
# Passed to meson setup when a build directory is made.
MESON_FLAGS ?=
T ?=
SEEDS ?= 10000
FROM ?= fresh

MESON_SETUP = meson setup --prefix=$(PREFIX) --libdir=$(LIBDIR) $(MESON_FLAGS)

.DEFAULT_GOAL := all
.PHONY: all run test sim mutants lint sanitize cross ucontext bench bench-record bench-papers install clean help deps deps-test deps-bench

all: deps $(BUILD)/build.ninja ## Build the library and the command, optimised
	@ninja -C $(BUILD)

run: deps $(BUILD)/build.ninja ## Serve DIR (site/) on http://127.0.0.1:PORT/ (8080); Ctrl-C ends it
	@ninja -C $(BUILD) dure
	@exec $(BUILD)/dure serve --port $(PORT) $(DIR)

test: deps-test $(BUILD)/.tested ## Run every test; T=name picks those whose name contains it
	@ninja -C $(BUILD)
	@scripts/run-tests.py $(BUILD) --name '$(T)'

sim: deps-test $(BUILD)/.tested ## Run the library's properties in SEEDS (10000) simulated worlds, from FROM (fresh)
	@ninja -C $(BUILD) tests/sim-properties
	@$(BUILD)/tests/sim-properties --seeds=$(SEEDS) --from=$(FROM)

mutants: deps-test ## Plant faults in a copy of the library and see that the simulation finds them
	@tests/sim/mutants.py . build-mutants

lint: ## Check format, warnings of gcc and clang, clang-tidy, cppcheck, layers and headers
	@scripts/install-deps.sh run test lint
	@scripts/lint.sh

sanitize: ## Run the suite under AddressSanitizer with UndefinedBehaviorSanitizer, then ThreadSanitizer
	@scripts/install-deps.sh run test sanitize
	@scripts/sanitize.sh '$(T)'

cross: ## Build for aarch64 and run the suite under qemu-user
	@scripts/install-deps.sh run test cross
	@scripts/cross-aarch64.sh '$(T)'

ucontext: ## Run the suite with the switch that needs no assembly
	@scripts/install-deps.sh run test
	@TEST_FLAGS=--no-suite=narrow scripts/test-in.sh build-ucontext '$(T)' -Dswitch=ucontext

bench: $(BUILD)/.measured ## Measure all rows or those of T; prints a table, writes bench/results/*.jsonl
	@ninja -C $(BUILD)
	@bench/run.py --build $(BUILD) $(T)

bench-record: bench ## The same, and write docs/benchmarks.md, its charts, README's and the site's
	@bench/papers.py

bench-papers: ## Write those from what has been measured before
	@bench/papers.py

install: deps $(BUILD)/build.ninja ## Install headers, libraries, pkg-config file, manual and command (DESTDIR, PREFIX, LIBDIR)
	@meson configure $(BUILD) -Dprefix=$(PREFIX) -Dlibdir=$(LIBDIR)
	@meson install -C $(BUILD)
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

clean: ## Remove all that was built
	rm -rf $(BUILD) build-*

help: ## Show this
	@sed -n 's/^\([a-z-]*\):.*## /\1:/p' Makefile | while IFS=: read -r name text; do \
		printf '  make %-12s %s\n' "$$name" "$$text"; done

deps:
	@scripts/install-deps.sh run

deps-test:
	@scripts/install-deps.sh run test

deps-bench:
	@scripts/install-deps.sh run bench

# The packages come first: setup looks for them.
$(BUILD)/build.ninja: | deps
	@$(MESON_SETUP) $(BUILD)

# A build directory made by `make run` may be older than the packages that the
# tests need; once they are there, setup has to look again.
$(BUILD)/.tested: $(BUILD)/build.ninja | deps-test
	@meson setup --reconfigure $(BUILD) -Dtests=enabled -Dexamples=enabled
	@touch $@

# Nor does a build directory know the peers that were installed after it.
$(BUILD)/.measured: $(BUILD)/build.ninja scripts/packages.txt | deps-bench
	@meson setup --reconfigure $(BUILD)
	@touch $@
