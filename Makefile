# Everything runs in .venv, which the first target that needs it makes.
#
#   make run                                    the whole pipeline on the embedded demo data
#   make run CONFIGFILE=config.yaml ARGS='--config mirror=/data/mirror'   the full run
#   make test | lint | report | clean
#   make fuzz FUZZ_SECONDS=600                  broken inputs for every parser, and models
#   make mutants                                changes the code place by place: do its tests notice?
#   make test-cluster                           on a SLURM that it starts on this machine, as root
#   make test-serving                           real servers on this machine: HTTP, AWS' own tools, the page
#   make test-container                         builds the images without an engine and runs them, as root
#   make test-faults                            kills, full disks, jumping clocks in every rule: an hour or two;
#   make test-faults ARGS='--sample 40'         some of them, drawn by --sample-seed; as root
#   make lock                                   envs/lock.txt anew: all versions with their hashes
#   make sbom                                   what .venv holds, as CycloneDX: results/sbom.json
#   make default-model ARGS='--config mirror=/data/mirror'   trains the model that ships with it

PYTHON ?= python3
# The build of torch that is installed first: by default the one for the CPU, from PyTorch's own
# index. With a GPU:  make run TORCH_INDEX=https://download.pytorch.org/whl/cu126
TORCH_VERSION ?= 2.13.0
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# The versions that the tests ran with, and the hash of every file; empty to take the newest ones.
LOCK ?= envs/lock.txt

CORES ?= all
CONFIGFILE ?= workflow/demo/config.yaml
# The folder that CONFIGFILE names under 'results:'.
RESULTS ?= $(if $(filter workflow/demo/config.yaml,$(CONFIGFILE)),results/demo,results)
# Further arguments of Snakemake or pytest.
ARGS ?=
# How many tests run at once; those of faults have up to two processes each.
WORKERS ?= 2
# How long to fuzz.
FUZZ_SECONDS ?= 600

TRAINED := results/default/models/default
SHIPPED := workflow/circlet/model/default

BIN := .venv/bin
# Another build of torch makes .venv anew.
INSTALLED := .venv/.installed-torch-$(TORCH_VERSION)-$(notdir $(TORCH_INDEX))
# What looks at packages and at the code, apart from them.
TOOLS := build/tools
SNAKEMAKE := $(BIN)/snakemake --configfile $(CONFIGFILE) --cores $(CORES)
# The tests of whole systems ask these what came of the tests before.
IN_ORDER := $(BIN)/python -m pytest -p no:randomly
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet

.PHONY: run test fuzz mutants test-cluster test-serving test-container test-faults default-model lint report lock sbom clean

run: $(INSTALLED)
	@echo "==> running the pipeline with $(CONFIGFILE)"
	$(SNAKEMAKE) $(ARGS)

test: $(INSTALLED)
	@echo "==> testing"
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

fuzz: $(INSTALLED)
	@echo "==> fuzzing the parsers and 'circlet predict' for $(FUZZ_SECONDS) s"
	$(BIN)/python tests/fuzz/fuzz.py --seconds $(FUZZ_SECONDS) $(ARGS)

mutants: $(INSTALLED) $(TOOLS)/.installed
	@echo "==> mutating the modules that pyproject.toml names (an hour or less)"
	$(BIN)/python tests/mutation/mutation.py --mutmut $(TOOLS)/bin/mutmut $(ARGS)

test-cluster: $(INSTALLED)
	@echo "==> testing on a SLURM of two nodes on this machine"
	$(IN_ORDER) tests/slurm $(ARGS)

test-serving: $(INSTALLED)
	@echo "==> testing what serves the model"
	$(IN_ORDER) tests/serving $(ARGS)

test-container: $(INSTALLED)
	@echo "==> building and running the images"
	$(IN_ORDER) tests/container $(ARGS)

# Each line of build/faults.jsonl is a fault, with its seed and what came of it.
test-faults: $(INSTALLED)
	@echo "==> injecting faults into a whole pipeline"
	mkdir -p build
	$(IN_ORDER) tests/faults --numprocesses $(WORKERS) --ledger build/faults.jsonl $(ARGS)

# What is trained is put where the package has it; downloads what no mirror holds.
default-model: $(INSTALLED)
	@echo "==> training the model that ships with circlet"
	$(BIN)/snakemake --configfile workflow/default/config.yaml --cores $(CORES) $(ARGS) -- $(TRAINED)/README.md
	rm -rf $(SHIPPED)
	mkdir -p $(SHIPPED)
	cp $(addprefix $(TRAINED)/,*.safetensors config.json manifest.json training.json vocabulary.json \
		README.md DOME.md) $(SHIPPED)
	$(BIN)/circlet models

lint: $(INSTALLED)
	@echo "==> checking the style of Python and Snakemake files, and the types"
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

report: $(INSTALLED)
	@echo "==> writing Snakemake's own report"
	$(SNAKEMAKE) $(ARGS) --report $(RESULTS)/snakemake-report.html
	@echo "Report: $(CURDIR)/$(RESULTS)/snakemake-report.html"

# Of what is in the file already, the versions stay: make lock ARGS=--upgrade
lock: $(TOOLS)/.installed
	@echo "==> locking what pyproject.toml and envs/constraints.txt ask for"
	$(TOOLS)/bin/uv --quiet --config-file envs/uv.toml pip compile pyproject.toml \
		--constraint envs/constraints.txt --output-file envs/lock.txt $(ARGS) >/dev/null

sbom: $(INSTALLED) $(TOOLS)/.installed
	@echo "==> listing the packages of .venv"
	mkdir -p results
	$(TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file results/sbom.json $(BIN)/python
	@echo "SBOM: $(CURDIR)/results/sbom.json"

clean:
	rm -rf results/demo .mypy_cache .pytest_cache .ruff_cache .hypothesis build workflow/*.egg-info
	find workflow tests -name __pycache__ -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml $(LOCK)
	@echo "==> making .venv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "circlet needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv --clear .venv
	@echo "==> installing torch $(TORCH_VERSION)"
	$(PIP) --no-deps 'torch==$(TORCH_VERSION)' $(addprefix --extra-index-url ,$(TORCH_INDEX))
	@echo "==> installing circlet and what it needs (some minutes, pip is quiet meanwhile)"
ifneq ($(LOCK),)
	$(PIP) --require-hashes --no-deps --requirement $(LOCK)
	$(PIP) --no-deps --no-build-isolation --editable .
else
	$(PIP) --editable '.[torch,dev]'
endif
	@touch $@

$(TOOLS)/.installed: Makefile
	$(PYTHON) -m venv --clear $(TOOLS)
	$(TOOLS)/bin/python -m pip install --disable-pip-version-check --quiet uv==0.13.9 cyclonedx-bom==7.5.0 \
		mutmut==3.8.1
	@touch $@
