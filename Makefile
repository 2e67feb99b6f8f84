# envcache's commands. `make` alone lists them.

VENV := .venv
BIN := $(VENV)/bin
# Apart from the tools: who only deploys needs none of them.
LINT := .venv-lint
# sam build and cargo lambda find each other, and the linters, here.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export SAM_CLI_TELEMETRY := 0
PYTHON ?= python3

# Every cargo command that builds or runs something gets --locked, and so does cargo-deny: it fails if Cargo.lock is out
# of date. Without the option it updates Cargo.lock, and the commands after it don't notice.

.DEFAULT_GOAL := help
.PHONY: help demo unit test matrix soak mutation diagrams check audit build deploy tools linters format clean

help: ## list the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: build ## the main job on this machine: from an event to a published endpoint
	cargo build --locked --quiet --package envcache --package envcache-demo
	target/debug/envcache-demo

unit: tools ## the tests that need no simulator: decisions, requests, definitions, and pages
	cargo test --locked --workspace --lib --bins
	cargo test --locked --package envcache-tests --test definitions

# Runs mostly wait: more of them at once than there are cores.
test: unit build ## every test: the fast ones first, then the stack from outside
	cargo build --locked --workspace --bins
	cargo test --locked --workspace --test '*' -- --test-threads 8

matrix: build ## every fault on every call: the better part of an hour; writes docs/fault-matrix.md
	cargo build --locked --quiet --workspace --bins
	target/debug/fault-matrix docs/fault-matrix.md

soak: build ## a long run of random faults; writes docs/soak.md
	cargo build --locked --quiet --workspace --bins
	target/debug/soak docs/soak.md

mutation: build ## take out a Retry, Catch or ownership check, one at a time; writes docs/mutation-tests.md
	cargo build --locked --quiet --workspace --bins
	target/debug/mutation docs/mutation-tests.md

diagrams: ## draw the state machines; writes docs/state-machines.md
	cargo run --locked --quiet --package envcache-tests --bin diagrams docs/state-machines.md

# clippy as the compiler of our own crates: the SDK is compiled once, for this and for the tests.
check: tools linters ## format, lints, and the security of template, roles, state machines and dependencies
	cargo fmt --all --check
	$(LINT)/bin/cargo-deny --locked --log-level error check bans licenses sources
	cfn-lint template.yaml
	AWS_DEFAULT_REGION=ap-southeast-1 sam validate --lint
	$(LINT)/bin/python lint/state_machines.py statemachine/*.asl.json
	$(LINT)/bin/python lint/policies.py template.yaml
	$(LINT)/bin/checkov --config-file lint/checkov.yaml --file template.yaml
	RUSTC_WORKSPACE_WRAPPER=clippy-driver cargo build --locked --workspace --all-targets

audit: linters ## known vulnerabilities of the dependencies; fetches RustSec's list from GitHub
	$(LINT)/bin/cargo-deny --locked check advisories

# All of them at once, and seen: sam build compiles one after the other, in silence.
build: tools ## the deployable functions, into .aws-sam/build
	cargo lambda build --locked --release
	sam build

deploy: build ## deploy to AWS, asking for what samconfig.toml does not say
	sam deploy --guided

tools: $(VENV)/installed ## the virtual environment with MiniStack, SAM CLI and cargo-lambda

linters: $(LINT)/installed ## the virtual environment with the linters of `make check`

# --require-hashes: pip rejects a package without a hash in the requirements file, and a download with another hash. The
# hashes don't cover build tools. pip fetches those if PyPI has no wheel for the machine, and it has to build a package.
# --no-deps: the requirements files already list all dependencies. If pip 23 resolves them again, it fails, because it
# finds no hash for a package that is required both with an extra (`boto3[crt]`) and without.
$(VENV)/installed: requirements.txt
$(LINT)/installed: lint/requirements.txt
$(VENV)/installed $(LINT)/installed:
	@$(PYTHON) -c 'import sys; sys.exit("envcache needs Python 3.10 or later: make PYTHON=/path/to/python3" if sys.version_info < (3, 10) else 0)'
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $<
	touch $@

format: ## format the Rust code
	cargo fmt --all

clean: ## remove what was built; the virtual environments stay
	rm -rf .aws-sam target
