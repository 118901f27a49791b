# Everything a fresh machine needs beyond Python 3.11, make and git is installed here, from hash-pinned lock files.
PYTHON ?= python3.11
UV := .venv/bin/uv
INSTALL = $(UV) pip sync --quiet --require-hashes
LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header --no-annotate $(ARGS)

# Machines that set it would compile every module anew in every process: twice the start-up time.
unexport PYTHONDONTWRITEBYTECODE
export SAM_CLI_TELEMETRY := 0

.PHONY: help setup setup-authoring setup-clients setup-scanners build check scan sbom test chaos rehearse serve verify-aws lock clean

help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 18

setup: .venv/.sluice .venv/bin/aws .venvs/sam/.ready .venvs/lambda-runtime/.ready .venvs/xgboost/.ready  ## Install what the local AWS, the rehearsal and the sluice command need

setup-authoring: .venvs/authoring/.ready  ## Install the SageMaker SDK, which compiles pipeline definitions

setup-clients: setup-authoring .venvs/sdk-v2/.ready  ## Install the SageMaker SDKs whose labs are tests of the local AWS

SCANNERS := bandit cdk-nag checkov zizmor
setup-scanners: $(SCANNERS:%=.venvs/%/.ready)  ## Install what looks for insecure code, templates and workflows

build: setup  ## Build the application as it is deployed, into .aws-sam/build
	.venv/bin/python -m rehearsal.build

check: setup setup-scanners  ## Lint, check formatting and types, validate the template, scan for what is insecure
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/cfn-lint template.yaml
	.venvs/sam/bin/sam validate --lint
	.venv/bin/python -m security scan

scan: setup setup-scanners  ## Only scan for what is insecure; what is accepted has its reason in security/accepted.yaml
	.venv/bin/python -m security scan

sbom: .venv/.sluice .venvs/cyclonedx/.ready  ## Write the layer's bill of materials (CycloneDX), from its requirements
	.venv/bin/python -m security sbom

test: setup setup-clients .venvs/cyclonedx/.ready  ## Run every test; ARGS=... runs what pytest is told instead
ifdef ARGS
	.venv/bin/pytest $(ARGS)
else
	.venv/bin/pytest -n 3 --dist loadgroup --no-loadscope-reorder tests/clients tests/contract \
	  localaws/tests/contract tests/chaos tests/properties tests/structure tests/unit localaws/tests/unit  # longest first
	.venv/bin/pytest tests/e2e
endif

chaos: .venv/.ready  ## Explore rollouts, uploads, results and batch runs while AWS breaks; RUNS=2000, SEED=0; exit 1 at a violation
	PYTHONPATH=.:layers/sluice .venv/bin/python -m tests.chaos --runs $(or $(RUNS),2000) --seed $(or $(SEED),0) $(ARGS)

rehearse: setup  ## Play the whole story on the local AWS; ARGS go to `rehearsal play`
	.venv/bin/python -m rehearsal play $(ARGS)

PORT ?= 4566
serve: setup  ## Run the local AWS with Sluice deployed until Ctrl-C; PORT=... (4566), ARGS=--empty deploys nothing
	.venv/bin/python -m rehearsal serve --port $(PORT) $(ARGS)

verify-aws: .venv/.sluice  ## Check on your AWS account what no document settles; says the cost and asks first; ARGS=--list
	.venv/bin/python -m conformance $(ARGS)

lock: .venv/.ready  ## Pin by hash what the requirements ask for; ARGS=--upgrade chooses versions anew
	for name in uv dev sam lambda-runtime xgboost sdk-v2 $(SCANNERS) cyclonedx; do \
	  $(LOCK) requirements/$$name.in --output-file requirements/$$name.txt || exit 1; done
	$(LOCK) requirements/authoring.in --override requirements/authoring-overrides.txt \
	  --output-file requirements/authoring.txt
	$(LOCK) layers/sluice/requirements.in --output-file layers/sluice/requirements.txt

clean:  ## Remove what builds, tests and rehearsals leave; the installed environments stay
	rm -rf .aws-sam .rehearsal .localaws .pytest_cache .mypy_cache .ruff_cache .hypothesis dist

.venv/.ready: requirements/uv.txt requirements/dev.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements/dev.txt
	touch $@

# The `sluice` command runs from the checkout; its build backend is in the lock, so this needs no network.
.venv/.sluice: pyproject.toml .venv/.ready
	$(UV) pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
	touch $@

# The AWS CLI of version 1 goes to the real AWS for some services whatever AWS_ENDPOINT_URL says; ours does not.
.venv/bin/aws: localaws/aws_cli.py .venv/.sluice
	rm -f $@
	printf '#!%s\nimport sys\nfrom localaws.aws_cli import main\nsys.exit(main())\n' "$(CURDIR)/.venv/bin/python" > $@
	chmod +x $@

# Scripts of jobs compile nothing (PYTHONDONTWRITEBYTECODE, as in the image), so what they import is compiled here.
COMPILED_xgboost := boto3, pandas, sklearn.impute, sklearn.model_selection, xgboost

.venvs/%/.ready: requirements/%.txt .venv/.ready
	$(UV) venv --quiet --clear --python $(PYTHON) .venvs/$*
	$(INSTALL) --python .venvs/$*/bin/python requirements/$*.txt
	$(if $(COMPILED_$*),.venvs/$*/bin/python -c "import $(COMPILED_$*)")
	touch $@
