# Everything a fresh machine needs beyond Python 3.11, make and git is installed here, from hash-pinned lock files.
PYTHON ?= python3.11
UV := .venv/bin/uv
INSTALL = $(UV) pip sync --quiet --require-hashes

.PHONY: setup
setup: .venv/.ready .venvs/sam/.ready .venvs/lambda-runtime/.ready .venvs/xgboost/.ready

.venv/.ready: requirements/uv.txt requirements/dev.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements/dev.txt
	touch $@

.venvs/%/.ready: requirements/%.txt .venv/.ready
	$(UV) venv --quiet --clear --python $(PYTHON) .venvs/$*
	$(INSTALL) --python .venvs/$*/bin/python requirements/$*.txt
	touch $@
