# Needs make and a Python of 3.11 to 3.14; everything else is made in .venv. `make` alone shows what there is.
.DEFAULT_GOAL := help
.PHONY: help setup run test test-slow try-executorch-sdk lint format lock demo bench sweep recovery frontier screenshots catalogue accuracies schema demo-model licences wheel executorch-sdk

# The first Python that will do; else whichever there is, so that setup can say what is wrong with it.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.14 python3.11 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1 \
	&& echo $$p && exit; done; echo python3)
BIN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)
STAMP := .venv/setup.stamp
SDK := build/executorch-sdk/executorch/version.py
LOCK = $(BIN)/uv pip compile --universal --python-version 3.11 --upgrade --quiet --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock"

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(STAMP) ## Make .venv with exactly what requirements.lock lists (again only when it has changed)

$(STAMP): requirements.lock pyproject.toml scripts/setup.py
	@PYTHON=$(PYTHON) scripts/system_packages.sh
	@$(PYTHON) scripts/setup.py

run: $(STAMP) ## Open the window on the demo project; without a display, run the demo in the terminal
	@$(BIN)/python -m scripts.run_demo

# All of it in several processes, as many as cores and memory allow (tests/conftest.py), the tests of a file in one, and
# the files in order: those that take longest, tests/e2e, come first. Some of it starts sooner in one process.
test: $(STAMP) try-executorch-sdk ## Run the test suite; some of it: make test ARGS="tests/unit -k events"
	@PYTHON=$(PYTHON) scripts/system_packages.sh --tests
	$(BIN)/python -m pytest $(or $(ARGS),-n auto --dist loadfile --no-loadscope-reorder)

test-slow: $(STAMP) try-executorch-sdk ## Run the tests that take longest: training to the end, two processes, the phone's program
	@PYTHON=$(PYTHON) scripts/system_packages.sh --tests
	$(BIN)/python -m pytest -m slow $(ARGS)

try-executorch-sdk: $(STAMP)
	@$(MAKE) --no-print-directory executorch-sdk \
	|| echo "ExecuTorch's libraries cannot be fetched: the tests of its benchmark program will be skipped."

executorch-sdk: $(SDK) ## Unpack ExecuTorch's libraries for this computer, which tests of its benchmark program are built on

$(SDK): android_runner/executorch-sdk.lock | $(STAMP)
	$(BIN)/uv pip install --quiet --no-deps --require-hashes --target build/executorch-sdk -r $<
	@touch $@

lint: $(STAMP) ## Check style, types and the directions between the packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(STAMP) ## Put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(STAMP) ## Write requirements.lock anew from pyproject.toml, for every platform
	$(LOCK) pyproject.toml --extra executorch --extra cluster --group dev --output-file requirements.lock
	$(LOCK) bench/peers/requirements.in --output-file bench/peers/requirements.lock
	$(LOCK) bench/litert/requirements.in --output-file bench/litert/requirements.lock
	$(LOCK) --no-deps android_runner/executorch-sdk.in --output-file android_runner/executorch-sdk.lock

demo: $(STAMP) ## Run the demo in the terminal; from the start: make demo ARGS=--fresh
	$(BIN)/pqv demo $(ARGS)

bench: $(STAMP) ## Measure window, demo, study, importance, training, pushes and latency beside what there is: make bench [IMAGES=FOLDER] [AENV=FOLDER [FILES="a.ptl b.pte"]]
	$(BIN)/python -m bench.window_bench
	$(BIN)/python -m bench.demo_bench
	$(BIN)/python -m bench.study_bench
	$(BIN)/python -m bench.hessian_bench
	$(BIN)/python -m bench.finetune_bench $(if $(IMAGES),"$(IMAGES)")
	@if command -v adb >/dev/null; then $(BIN)/python -m bench.push_bench; else echo "push: needs adb, left out"; fi
	$(BIN)/python -m bench.peers_bench
	@if [ -n "$(AENV)" ]; then $(BIN)/python -m bench.phone_bench "$(AENV)" $(FILES); \
	else echo "phones: needs a laid out Android C library, AENV=FOLDER, left out"; fi

sweep: $(STAMP) ## Take every family through the whole tool and write docs/families.md; one: make sweep ARGS="--only Swin"
	$(BIN)/python -m scripts.sweep $(ARGS)

frontier: $(STAMP) ## Accuracy at shares of the latency, into docs/frontier.md; takes hours: make frontier IMAGES=FOLDER
	$(BIN)/python -m scripts.frontier "$(IMAGES)"

recovery: $(STAMP) ## Accuracy by importance and ratio, into docs/recovery.md: make recovery IMAGES=FOLDER
	$(BIN)/python -m scripts.recovery "$(IMAGES)"

screenshots: $(STAMP) ## Picture every page into docs/images, light and dark
	$(BIN)/python -m scripts.screenshots

catalogue: $(STAMP) ## Write resources/catalog.json anew from the installed timm
	$(BIN)/python -m scripts.make_catalog

accuracies: $(STAMP) ## Write resources/imagenet.json anew from timm's results: make accuracies TABLE=results-imagenet.csv COMMIT=HASH DATE=YYYY-MM-DD
	$(BIN)/python -m scripts.make_published_accuracy "$(TABLE)" --commit "$(COMMIT)" --date "$(DATE)"

schema: $(STAMP) ## Write the JSON Schema of run.json anew into resources/schema/
	$(BIN)/python -m scripts.make_schema

demo-model: $(STAMP) ## Make the demo's images and train its model anew (some minutes)
	$(BIN)/python -m scripts.make_demo_data
	$(BIN)/python -m scripts.train_demo

licences: $(STAMP) ## Write resources/licences/THIRD-PARTY.md anew from what is installed
	$(BIN)/python scripts/make_licences.py

wheel: $(STAMP) ## Build the wheel into dist/
	$(BIN)/python -m hatchling build --target wheel
