# Two commands matter: `make run` starts everything, `make test` checks everything.
# The rest are parts of them, or slow campaigns that stand apart.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
PORT ?= 8000
# Rounds of six faults each, of about forty seconds.
CHAOS_ROUNDS ?= 45
# How long nobody may be suspected on a machine whose processors are all busy.
CALM_SECONDS ?= 600
# Steps between states by which each setup of the model checker's long campaign is explored: minutes and gigabytes in all.
MODEL_STEPS ?= 15000000
# Runs of the simulator: a night.
SOAK_SEEDS ?= 200000
# Tests at a time: more than there are processors, as those that kill and restart processes mostly wait.
TEST_THREADS ?= $(shell echo $$((2 * $$(nproc))))
# For each fuzz target.
FUZZ_SECONDS ?= 60

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: run
run: tools ## Start four authorities, the gateway and a demo election at http://localhost:8000
	$(CARGO) run --release --bin voting -- dev --port $(PORT)

.PHONY: test
test: tools lint unit web docs ## Everything that must hold before a change lands

.PHONY: lint
lint: tools ## Formatting and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features --locked -- -D warnings

.PHONY: unit
unit: test-tools ## Unit, property, integration, simulation and fault tests
	RUST_TEST_THREADS=$(TEST_THREADS) $(CARGO) test --workspace --all-features --locked

.PHONY: web
web: web-tools ## The web application: types, unit tests, whether what is committed is fresh, and a real browser at a real gateway
	$(VOTING_AS_TESTED)
	cd $(WEB) && npm run check && npm test
	rm -rf target/web-dist && cd $(WEB) && npx vite build --outDir $(CURDIR)/target/web-dist --logLevel warn
	diff -r --exclude=source.sha256 $(WEB)/dist target/web-dist || { echo "web/dist is stale; run: make web-dist" >&2; exit 1; }
	cd $(WEB) && VOTING_BIN=$(CURDIR)/target/debug/voting CHROMIUM="$$(command -v chromium)" npm run test:browser

.PHONY: web-dist
web-dist: web-tools ## Build the web application that the gateway carries, and the client of its API
	cd $(WEB) && npm run generate && npm run build

.PHONY: screenshots
screenshots: web-tools ## Every page at desktop and phone size, in voting-gateway/web/screenshots
	$(VOTING_AS_TESTED)
	cd $(WEB) && VOTING_BIN=$(CURDIR)/target/debug/voting CHROMIUM="$$(command -v chromium)" npm run screenshots

.PHONY: docs
docs: tools ## API documentation without warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --all-features --no-deps --locked

.PHONY: bench
bench: test-tools ## Votes per second, time to finality, counts and sealed ballots, beside the machine's own limits
	$(CARGO) run --release --bin voting -- bench
	$(CARGO) run --release --bin voting -- bench --deployed
	$(CARGO) run --release --bin voting -- bench --live 2000 --pace 500
	$(CARGO) run --release --package voting-core --features testing --example count_speed
	$(CARGO) run --release --package voting-consensus --features sim --example consensus_speed
	$(CARGO) run --release --package voting-core --example sealed_speed
	$(CARGO) run --release --package voting-core --features testing --example sealed_election
	$(CARGO) run --release --package voting-core --features testing --example verify_speed open 100000
	$(CARGO) run --release --package voting-core --features testing --example verify_speed sealed 20000
	$(CARGO) run --release --package voting-cluster --features testing --example replay_speed

.PHONY: model
model: tools ## The consensus engine's states by exhaustive search, further than the ordinary tests go
	VOTING_MODEL_STEPS=$(MODEL_STEPS) $(CARGO) test --locked -p voting-consensus --all-features --test it -- --ignored --nocapture model::

.PHONY: soak
soak: test-tools model ## Slow campaigns: the model; many simulator seeds; ten minutes at full load; half an hour of killing processes
	$(CARGO) run --release --bin voting -- simulate --seeds $(SOAK_SEEDS)
	VOTING_CALM_SECONDS=$(CALM_SECONDS) $(CARGO) test --release --locked -p voting-cli --test it -- --nocapture a_machine_at_full_load
	VOTING_CHAOS_ROUNDS=$(CHAOS_ROUNDS) $(CARGO) test --locked -p voting-cli --test it -- --nocapture an_election_survives

FUZZ_TARGETS = $(patsubst fuzz/fuzz_targets/%.rs,%,$(wildcard fuzz/fuzz_targets/*.rs))

.PHONY: fuzz
fuzz: tools ## Every fuzz target for FUZZ_SECONDS each; needs nightly and cargo-fuzz
	@$(CARGO) +nightly --version >/dev/null 2>&1 || { echo "a nightly compiler is missing; install it with: rustup toolchain install nightly" >&2; exit 1; }
	@command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz is missing; install it with: cargo install --locked cargo-fuzz" >&2; exit 1; }
	for target in $(FUZZ_TARGETS); do mkdir -p target/fuzz/$$target; \
	  $(CARGO) +nightly fuzz run --target-dir target/fuzz/build $$target target/fuzz/$$target fuzz/corpus/$$target -- -max_total_time=$(FUZZ_SECONDS) -timeout=25 -print_final_stats=1; done

.PHONY: deny
deny: ## Licences, bans and sources of the dependencies
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is missing; install it with: cargo install --locked cargo-deny" >&2; exit 1; }
	$(CARGO) deny check bans licenses sources

.PHONY: fix
fix: tools ## Format, and apply what the lints can mend
	$(CARGO) fmt --all
	$(CARGO) clippy --workspace --all-targets --all-features --fix --allow-dirty --allow-staged

.PHONY: tools
tools:
	@command -v $(CARGO) >/dev/null || { echo "cargo is missing; install Rust 1.95 or newer: https://rustup.rs" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "a C linker is missing; install it with: apt-get install -y build-essential" >&2; exit 1; }

# What the tests run beside the project's own programs; installed if that is allowed.
TEST_PACKAGES := curl jq python3 redis-server
WEB_PACKAGES := chromium node:nodejs npm

# Installs the packages of the commands that are missing; COMMAND:PACKAGE where the names differ.
define install
	@missing=""; for tool in $(1); do command -v $${tool%:*} >/dev/null || missing="$$missing $${tool#*:}"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing; \
	else echo "missing:$$missing; install them with: sudo apt-get install -y$$missing" >&2; exit 1; fi
endef

.PHONY: test-tools
test-tools: tools
	$(call install,$(TEST_PACKAGES))

WEB := voting-gateway/web
# The program with the dependencies as the tests have them: `cargo build` would compile the workspace once more without theirs.
VOTING_AS_TESTED = $(CARGO) test --locked --workspace --all-features --no-run --test it
# Debian's Node may be older than the build needs; a newer one is then kept below target/.
NODE_OWN := $(CURDIR)/target/node/node_modules/node/bin
export PATH := $(NODE_OWN):$(PATH)

.PHONY: web-tools
web-tools: tools
	$(call install,$(WEB_PACKAGES))
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' \
	  || npm install --no-audit --no-fund --prefix target/node node@22
	cd $(WEB) && npm ci --no-audit --no-fund
