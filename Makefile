# Each target makes the virtual environment it needs, and does so only once.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --constraint constraints.txt

# Each is benchmarks/<name>.py; `make -k bench-all` goes on where one fails.
BENCHMARKS := latency start wide guarantees memory partitions round_trip
BENCH_TARGETS := $(BENCHMARKS:%=bench-%)

.PHONY: help demo soak test check format format-check lint types audit
.PHONY: bench bench-peers bench-all $(BENCH_TARGETS)

help:
	@echo 'make demo    watch it work: a real Kafka, generated events, two workers'
	@echo 'make soak    prove it: half an hour of faults on three brokers, and one on a single broker'
	@echo 'make test    run all tests (ARGS="-k worker" picks some)'
	@echo 'make check   what CI checks: format, lint, types, known vulnerabilities, tests'
	@echo 'make format  format the code'
	@echo 'make audit   look the pinned packages up among known vulnerabilities'
	@echo 'make bench   measure speed and memory beside a bare copy and a reference loop'
	@echo 'make bench-peers   the same beside Quix Streams and Kafka Streams'
	@echo 'make bench-latency   measure how long events take at a steady rate'
	@echo 'make bench-all     every measurement there is; takes half an hour'

demo: .venv/demo.stamp
	$(BIN)/stream-scorer demo $(ARGS)

soak: .venv/demo.stamp
	$(BIN)/stream-scorer verify --brokers 3 --duration 30m $(ARGS)
	$(BIN)/stream-scorer verify --brokers 1 --duration 30m $(ARGS)

test: .venv/dev.stamp
	$(BIN)/pytest $(ARGS)

check: format-check lint types audit test

format: .venv/dev.stamp
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

format-check: .venv/dev.stamp
	$(BIN)/ruff format --check

lint: .venv/dev.stamp
	$(BIN)/ruff check

types: .venv/dev.stamp
	$(BIN)/mypy

audit: .venv/dev.stamp
	@$(BIN)/python .ci/audit constraints.txt

bench: .venv/dev.stamp
	$(BIN)/python -m benchmarks $(ARGS)

bench-peers: .venv/dev.stamp
	$(BIN)/python -m benchmarks.throughput --peers --workloads mlp-30 mlp-30-headers $(ARGS)

$(BENCH_TARGETS): bench-%: .venv/dev.stamp
	$(BIN)/python -m benchmarks.$* $(ARGS)

bench-all: bench $(BENCH_TARGETS)

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[demo]'
	touch $@

.venv/dev.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[dev]'
	touch $@
