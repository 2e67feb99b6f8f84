# envcache's commands. `make` without a target lists them.

VENV := .venv
BIN := $(VENV)/bin
# Separate from the tools, because deploying doesn't need the linters.
LINT := .venv-lint
# Separate from both, because the Python peers of the benchmarks need only boto3.
BENCH := .venv-bench
# For sam build, cargo lambda, and cfn-lint, which find each other here.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export SAM_CLI_TELEMETRY := 0
PYTHON ?= python3
FUNCTIONS := $(basename $(notdir $(wildcard functions/*/src/bin/*.rs)))
PROGRAMS := $(FUNCTIONS) envcache envcache-demo
PROGRAMS += $(patsubst matrix,fault-matrix,$(filter matrix soak mutation bench,$(MAKECMDGOALS)))
# Of the benchmarks. `options` builds functions with many build options, so it runs only if it is named.
PARTS ?= cold-start polling scale comparison
OPTIMIZED_PARTS = $(filter cold-start options,$(PARTS))
OTHER_PARTS = $(filter-out cold-start options,$(PARTS))
# Of the release archive: x86_64 or arm64, by default this machine's.
ARCHITECTURE ?= $(patsubst aarch64,arm64,$(shell uname -m))
BUILD_FOR_x86_64 := --x86-64
BUILD_FOR_arm64 := --arm64

FIRST_BUILD := "The first build takes about 6 minutes on 2 cores, more than half of them for aws-sdk-ec2; later builds, seconds."
FIRST_RELEASE_BUILD := "The first build takes several times as long as that of 'make demo', because it is optimized for size."

# Every cargo command that builds or runs something gets --locked, and so does cargo-deny: it fails if Cargo.lock is out
# of date. Without the option it updates Cargo.lock, and the commands after it don't notice.

.DEFAULT_GOAL := help
.PHONY: help demo unit test matrix soak mutation bench diagrams reference check audit build deploy release smoke programs tools linters format clean

help: ## list the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: ## run the demo on this machine: from an event to a published endpoint
	@$(MAKE) --no-print-directory --jobs 2 tools programs
	target/debug/envcache-demo

unit: tools ## run the tests that need no simulator: decisions, requests, definitions, and pages
	cargo test --locked --workspace --lib --bins
	cargo test --locked --workspace --test definitions

# Executions mostly wait, so more tests run in parallel than the machine has cores.
test: unit programs ## run all tests: first the fast ones, then those of the deployed stack
	cargo test --locked --workspace --test '*' -- --test-threads 8

matrix: tools programs ## inject every fault into every AWS call, which takes long; writes docs/fault-matrix.md
	target/debug/fault-matrix docs/fault-matrix.md

soak: tools programs ## inject random faults into many runs; writes docs/soak.md
	target/debug/soak docs/soak.md

mutation: tools programs ## remove one Retry, Catch, or check at a time, and check that a test fails; writes docs/mutation-tests.md
	target/debug/mutation docs/mutation-tests.md

# The optimized parts measure programs that are as fast as the deployed functions, and the AWS that they simulate is part of
# the measured time. The other parts simulate AWS with the functions of this build.
bench: tools programs $(BENCH)/installed ## measure envcache next to its alternatives, which takes long; writes docs/benchmarks.md and its plots
	$(if $(filter cold-start,$(PARTS)),@test -d target/lambda || echo $(FIRST_RELEASE_BUILD))
	$(if $(filter cold-start,$(PARTS)),cargo lambda build --locked --release)
	$(if $(filter cold-start,$(PARTS)),cargo lambda build --locked --release --package envcache-empty-handler)
	$(if $(OPTIMIZED_PARTS),cargo build --locked --profile optimized --package envcache-bench)
	$(if $(OPTIMIZED_PARTS),target/optimized/bench $(OPTIMIZED_PARTS))
	$(if $(OTHER_PARTS),target/debug/bench $(OTHER_PARTS))

diagrams: ## draw the state machines; writes docs/state-machines.md
	cargo build --locked --quiet --workspace --bin diagrams
	target/debug/diagrams docs/state-machines.md

reference: ## write the JSON Schema of a request, and the tables of docs/request-reference.md
	cargo build --locked --quiet --workspace --bin reference
	target/debug/reference

# Clippy runs as the compiler of this workspace, so the SDK is compiled only once, for the lints and for the tests.
check: tools linters ## check format, lints, and the security of template, roles, state machines, workflows, and dependencies
	cargo fmt --all --check
	$(LINT)/bin/cargo-deny --locked --log-level error check bans licenses sources
	cfn-lint template.yaml
	AWS_DEFAULT_REGION=ap-southeast-1 sam validate --lint
	$(LINT)/bin/python lint/state_machines.py statemachine/*.asl.json
	$(LINT)/bin/python lint/policies.py template.yaml
	$(LINT)/bin/checkov --config-file lint/checkov.yaml --file template.yaml
	$(LINT)/bin/zizmor --quiet --offline --no-progress .github/workflows
	RUSTC_WORKSPACE_WRAPPER=clippy-driver cargo build --locked --workspace --all-targets

audit: linters ## check the dependencies for known vulnerabilities; downloads RustSec's list from GitHub
	$(LINT)/bin/cargo-deny --locked check advisories

# MAKEFLAGS: otherwise, cargo shares the two jobs of `make demo` from GNU make 4.4 on.
# The simulator runs the functions of this build too. With --workspace, cargo selects the same features as for the tests, so
# it compiles no dependency a second time for them.
programs: ## build the functions, the command line, and the demo for this machine
	@test -d target/debug || echo $(FIRST_BUILD)
	@echo "Compiling the functions and $(filter-out $(FUNCTIONS),$(PROGRAMS))"
	@MAKEFLAGS= cargo build --locked --workspace $(PROGRAMS:%=--bin %)

# First compiles all functions in parallel and shows progress: sam build compiles one after the other, and shows none.
build: tools ## build the functions for AWS, which takes long the first time, into .aws-sam/build
	@test -d target/lambda || echo $(FIRST_RELEASE_BUILD)
	cargo lambda build --locked --release
	sam build

deploy: build ## deploy to AWS; prompts for the settings
	sam deploy --guided

# The functions first: built together with the command line, they would get its features of shared crates. Only they are
# optimized for Lambda's processors.
release: tools ## package functions, template, and command line, to deploy without Rust; writes target/release-archive
	@test -n "$(BUILD_FOR_$(ARCHITECTURE))" || { echo "ARCHITECTURE must be x86_64 or arm64." >&2; exit 1; }
	@test -d target/lambda || echo $(FIRST_RELEASE_BUILD)
	cargo lambda build --locked --release $(BUILD_FOR_$(ARCHITECTURE))
	cargo lambda build --locked --release $(BUILD_FOR_$(ARCHITECTURE)) --disable-optimizations --package envcache
	cargo build --locked --workspace --bin envcache-release
	target/debug/envcache-release $(ARCHITECTURE)

smoke: build ## deploy the functions of `make release` and `make build` in the simulator, and create a cache with each
	cargo test --locked --workspace --test release -- --ignored

tools: $(VENV)/installed ## install MiniStack, moto, SAM CLI, and cargo-lambda in a virtual environment

linters: $(LINT)/installed ## install the linters of `make check` in a virtual environment

# --require-hashes: pip rejects a package without a hash in the requirements file, and a download with another hash. The
# hashes don't cover build tools. pip fetches those if PyPI has no wheel for the machine, and it has to build a package.
# --no-deps: the requirements files already list all dependencies. If pip 23 resolves them again, it fails, because it
# finds no hash for a package that is required both with an extra (`boto3[crt]`) and without.
# --no-compile: most modules are never imported, and Python compiles the others when it imports them.
$(VENV)/installed: requirements.txt
$(LINT)/installed: lint/requirements.txt
$(BENCH)/installed: bench/requirements.txt
$(VENV)/installed $(LINT)/installed $(BENCH)/installed:
	@$(PYTHON) -c 'import sys; sys.exit("envcache needs Python 3.10 or later: make PYTHON=/path/to/python3" if sys.version_info < (3, 10) else 0)'
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --no-compile --disable-pip-version-check --no-deps --require-hashes --requirement $<
	touch $@

format: ## format the Rust code
	cargo fmt --all

clean: ## delete build output; keeps the virtual environments
	rm -rf .aws-sam target
