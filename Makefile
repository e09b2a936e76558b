# Everything here works on a fresh Debian machine with Python 3.11 and internet.
SHELL := /bin/bash
BIN := .venv/bin
.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make .venv and get Prometheus and Alertmanager; the other targets do this by themselves
	@deploy/bootstrap.sh venv
	@deploy/bootstrap.sh tools

# Ports and speed of the demo can be set: make demo PROMETHEUS_PORT=9990 SPEED=1800
DEMO_OPTIONS := $(if $(ONCE),--once) $(if $(SPEED),--speed $(SPEED)) \
	$(foreach name,EXPORTER SERVER PROMETHEUS ALERTMANAGER RECEIVER BRIDGE GRAFANA,$(if $($(name)_PORT),\
	--$(shell echo $(name) | tr A-Z a-z)-port $($(name)_PORT)))

.PHONY: demo
demo: setup ## Run the main job on real data until Ctrl-C; ONCE=1 ends once its alerts have arrived
	@exec $(BIN)/python deploy/demo/demo.py $(DEMO_OPTIONS)

.PHONY: test
test: setup lint ## Run all checks and tests
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadscope

.PHONY: lint
lint: ## Run ruff, mypy and the check of the layers
	@deploy/bootstrap.sh venv
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "run: make format"; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

.PHONY: bench
bench: ## Measure speed, size and what alerts find, beside rivals; write benchmarks/results.md and alerting.md
	@deploy/bootstrap.sh venv
	@deploy/bootstrap.sh tools
	@$(BIN)/python benchmarks/run.py
	@$(BIN)/python benchmarks/alerting.py

.PHONY: bench-peers
bench-peers: ## Measure the scores of a window beside Evidently, NannyML and whylogs; write benchmarks/peers.md
	@deploy/bootstrap.sh venv
	@$(BIN)/python benchmarks/peers.py

.PHONY: docs
docs: ## Write the pages that follow from the code: metrics, definitions, configuration, command line, notifications
	@deploy/bootstrap.sh venv
	@deploy/bootstrap.sh tools
	@$(BIN)/python docs/generate.py

.PHONY: rules
rules: ## Write the rule files anew from their definitions
	@deploy/bootstrap.sh venv
	@$(BIN)/python prometheus/generate.py

.PHONY: dashboards
dashboards: ## Write the dashboards anew from grafana/boards
	@deploy/bootstrap.sh venv
	@$(BIN)/python grafana/generate.py

.PHONY: pictures
pictures: ## Draw the dashboards of a running demo into docs/images/dashboards
	@$(BIN)/python docs/pictures.py http://127.0.0.1:$(or $(PROMETHEUS_PORT),19090) docs/images/dashboards \
		--range 2700 --scrape 5s --var model=flights --var version=2013-03 --var window=5m

.PHONY: format
format: ## Format the code
	@deploy/bootstrap.sh venv
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

.PHONY: clean
clean: ## Remove what the targets made
	@rm -rf .venv .tools .demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
