# Every command of the project. `make help` lists them; people and CI run the same ones.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

export WAYBILL_CACHE ?= $(HOME)/.cache/waybill
# One target directory for all checkouts, so that nothing is compiled twice.
export CARGO_TARGET_DIR ?= $(WAYBILL_CACHE)/target
export WASM_BUILD_WORKSPACE_HINT := $(CURDIR)
export PATH := $(WAYBILL_CACHE)/rust/bin:$(WAYBILL_CACHE)/bin:$(PATH)

BIN := $(CARGO_TARGET_DIR)/release
# One profile, one selection of packages and targets, hence one feature set.
BUILD := --release --workspace --all-targets --locked
NETWORK := --release --all-targets --locked --manifest-path zombienet/Cargo.toml
# Cargo schedules its own jobs, even when make runs several recipes at once. Clippy lints our crates
# as they are compiled.
OURS := MAKEFLAGS= RUSTC_WORKSPACE_WRAPPER=$(CARGO_TARGET_DIR)/rustc-clippy
CARGO := $(OURS) cargo

GROUPS := pallets client network ts
ifneq ($(filter-out $(GROUPS),$(ONLY)),)
$(error ONLY=$(ONLY) is not a group of tests; choose one of $(GROUPS))
endif

.PHONY: help
help: ## Lists the commands.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: ## Installs what the build, the demonstration and the tests need.
	@scripts/setup.sh
	@scripts/claim-target.sh

.PHONY: build
build: setup ## Builds the node, the programs and the tests.
	@$(CARGO) build $(BUILD)
	@$(CARGO) build $(NETWORK)
	@scripts/claim-target.sh

AGENTS := aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf x86_64-unknown-linux-gnu
TARGET ?= $(firstword $(AGENTS))
# For the target's processor, such as -C target-cpu=cortex-a53. On x86 it also keeps out AVX2.
AGENT_RUSTFLAGS ?=
.PHONY: agent agent-build
agent: setup ## Builds the device agent only (TARGET=aarch64-unknown-linux-gnu if not given).
	@scripts/setup-target.sh $(TARGET)
	@$(MAKE) --no-print-directory agent-build

agent-build:
	@MAKEFLAGS= RUSTFLAGS="$(AGENT_RUSTFLAGS)" cargo build --profile agent --locked --target $(TARGET) \
		--package waybill-client --bin waybill-device
	@ls -l $(CARGO_TARGET_DIR)/$(TARGET)/agent/waybill-device

.PHONY: demo
demo: build ## Runs the demonstration; KEEP=1 leaves its network running.
	@$(BIN)/waybill-demo $(if $(KEEP),--keep)

.PHONY: test
test: lint build ## Runs every test (ONLY=pallets, client, network or ts for one group).
	@$(OURS) node scripts/test.mjs $(ONLY)

.PHONY: lint
lint: setup ## Checks formatting and lints.
	cargo fmt --all --check
	cargo fmt --manifest-path zombienet/Cargo.toml --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo fmt --manifest-path bench/groth16/Cargo.toml --check
	cargo fmt --manifest-path bench/microcontroller/Cargo.toml --check
	taplo fmt --check
	@# Cargo repeats clippy's warnings for crates that are already built.
	$(CARGO) build $(BUILD) --message-format=json | node scripts/lints.mjs
	$(CARGO) build $(NETWORK) --message-format=json | node scripts/lints.mjs
	@# Machines without an operating system check proofs, too.
	cargo clippy --release --locked --package waybill-zkcp --no-default-features --features verify \
		--target wasm32v1-none -- -D warnings

.PHONY: format
format: setup ## Formats the sources.
	cargo fmt --all
	cargo fmt --manifest-path zombienet/Cargo.toml
	cargo fmt --manifest-path fuzz/Cargo.toml
	cargo fmt --manifest-path bench/groth16/Cargo.toml
	cargo fmt --manifest-path bench/microcontroller/Cargo.toml
	taplo fmt

.PHONY: doc
doc: setup ## Builds the libraries' documentation and fails on a warning.
	MAKEFLAGS= RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps --locked
	@cp scripts/doc-index.html "$(CARGO_TARGET_DIR)/doc/index.html"
	@echo "$(CARGO_TARGET_DIR)/doc/index.html"

.PHONY: deny
deny: setup ## Checks what the dependencies may be: licences, sources, bans (and advisories, with a network).
	@scripts/setup-cargo-tool.sh "$(WAYBILL_CACHE)" deny 0.20.2
	cargo deny --workspace check --hide-inclusion-graph bans licenses sources
	cargo deny --manifest-path zombienet/Cargo.toml --config deny.toml check --hide-inclusion-graph licenses sources
	-cargo deny --workspace check --hide-inclusion-graph advisories

.PHONY: bench
bench: build ## Runs the benchmarks and writes docs/figures.md; BENCH=claims for one group, JSON lines only.
	@$(CARGO) build --release --locked --quiet --manifest-path bench/groth16/Cargo.toml
	@$(BIN)/waybill-bench $(or $(BENCH),--document docs/figures.md)

.PHONY: flash
flash: setup ## Builds the device's side for a microcontroller and prints how much flash it takes.
	@scripts/flash.sh

.PHONY: field
field: build ## Plays what happens in the field (FIELD=power_cuts for one scenario): a quarter of an hour, and building agents.
	@for target in $(if $(filter-out agents,$(FIELD)),,$(AGENTS)); do \
		$(MAKE) --no-print-directory agent TARGET=$$target || exit 1; \
	done
	@$(BIN)/waybill-field $(FIELD)

.PHONY: metadata
metadata: setup ## Writes the runtime's metadata to crates/chain/metadata/.
	WAYBILL_UPDATE_METADATA=1 $(CARGO) test --release --workspace --locked metadata

.PHONY: weights
weights: setup ## Measures the calls and writes the pallets' weights.rs (installs frame-omni-bencher: half an hour, once).
	scripts/weights.sh "$(WAYBILL_CACHE)"

.PHONY: fuzz
fuzz: setup ## Fuzzes the runtime's extrinsics and every decoder (FUZZ_SECONDS each, 60 if not given).
	scripts/setup-fuzz.sh "$(WAYBILL_CACHE)"
	CARGO_TARGET_DIR=$(WAYBILL_CACHE)/target-fuzz fuzz/run.sh $(FUZZ_SECONDS)

.PHONY: mutants
mutants: setup ## Changes the pallets' code and looks whether their tests notice. Takes hours.
	scripts/mutants.sh "$(WAYBILL_CACHE)"
