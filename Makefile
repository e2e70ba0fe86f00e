# Thin names for packaging/bootstrap.py, which Windows and macOS users call directly.
PYTHON ?= python3
SETUP = $(PYTHON) packaging/bootstrap.py
# `make run CUDA=1`: with the engine for NVIDIA GPUs.
GPU = $(if $(filter-out 0 no off,$(CUDA)),--cuda)

.PHONY: run test check cuda screenshot clean

run: ## set up, then open the window on the demo worklist; CUDA=1 builds the engine for NVIDIA GPUs first
	$(SETUP) run $(GPU)

test: ## set up with the trainer, then checks and the whole test suite
	$(SETUP) test $(GPU)

check: ## linter, formatter, types, import rules
	$(SETUP) check

cuda: ## build the engine for NVIDIA GPUs and start nothing (needs the CUDA toolkit); CMAKE_ARGS="..." adds flags
	$(SETUP) install --cuda

screenshot: ## take resources/screenshots/window.png anew
	$(SETUP) install
	QT_QPA_PLATFORM=offscreen .venv/bin/python -m desktop.screenshot resources/screenshots/window.png

clean: ## remove the environment and build leftovers; annotations and the compiled engine stay
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
