PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
WORKERS ?= $(shell $(BIN)/python -c 'import os; print(max(2, 3 * (os.cpu_count() or 1) // 2))')
# Whatever the environment says, bytecode is kept: demo and tests start hundreds of processes of the same programs.
unexport PYTHONDONTWRITEBYTECODE
PROTOS := $(sort $(wildcard proto/stayput/v1/*.proto))

# $(call step,name,command): names the step before it runs, and again if it fails.
step = @printf '\n== %s\n' '$(1)'; { $(2); } || { printf '%s: failed at step "%s"\n' '$@' '$(1)' >&2; exit 1; }

# $(call generate,directory): the modules of every .proto, below that directory.
generate = $(BIN)/python -m grpc_tools.protoc --proto_path=proto \
	--plugin=$(BIN)/protoc-gen-mypy --plugin=$(BIN)/protoc-gen-mypy_grpc \
	--python_out=$(1) --grpc_python_out=$(1) --mypy_out=quiet:$(1) --mypy_grpc_out=quiet:$(1) $(PROTOS)

.PHONY: setup demo test check lint proto bench lock

setup: $(INSTALLED)

$(INSTALLED): requirements.txt pyproject.toml
	@$(or $(wildcard $(BIN)/python),$(PYTHON)) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		printf 'error: Stayput needs Python 3.11 or later\n' >&2; \
		printf 'hint: remove .venv if there is one, and name a Python: make setup PYTHON=python3.12\n' >&2; \
		exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	$(BIN)/python examples/demo.py $(if $(KEEP),--keep)

# Three workers for two CPUs, since tests wait for handshakes and commits too. A file's tests run in one worker, so that
# a world which they share is made once.
test: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: setup
	$(call step,ruff format,$(BIN)/ruff format --check .)
	$(call step,ruff check,$(BIN)/ruff check .)
	$(call step,mypy,$(BIN)/mypy)

check: lint
	$(call step,import contracts,$(BIN)/lint-imports --no-logo)
	$(call step,buf lint,$(BIN)/buf lint)
	$(call step,generated code is that of proto/, \
		fresh=$$(mktemp -d) && trap 'rm -r "$$fresh"' EXIT && $(call generate,"$$fresh") && \
		diff -r -x __init__.py -x __pycache__ "$$fresh/stayput/v1" stayput/v1)
	$(call step,deptry,$(BIN)/deptry stayput comparator provider_node client)
	$(call step,vulture,$(BIN)/vulture)

proto: setup
	rm -f stayput/v1/*_pb2*.py stayput/v1/*_pb2*.pyi
	$(call generate,.)

bench: setup
	$(BIN)/python -m benchmarks

# Raises every version to the newest that pyproject.toml allows.
lock: setup
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --output-file requirements.txt
