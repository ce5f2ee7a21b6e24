# Everything a person types here. Needs make and Python 3.11 or newer; the rest is installed into .venv.
SHELL = /bin/sh
.DEFAULT_GOAL = help
.SUFFIXES:
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:
.PHONY: help run test check chaos chaos-sample lab lab-sample bench lock clean venv installed-run installed-dev browser \
	check-format check-lint check-types check-imports check-migrations check-deploy

PYTHON = .venv/bin/python
PIP_INSTALL = $(PYTHON) -m pip install --quiet --quiet --disable-pip-version-check --no-input --require-hashes --requirement
UV_COMPILE = $(PYTHON) -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate -q --custom-compile-command "make lock"
MORE_TESTS =

help: ## What can be typed here
	@sed -n 's/^\([a-z]*\): .*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

run: installed-run ## Install what is missing, start the console and print a sign-in link; Ctrl-C stops it
	@exec $(PYTHON) manage.py run

# Compiled code is kept even where a machine's shells say not to: tests start some fifty Python programs.
# Three processes for two cores, because one of them mostly waits.
test: installed-dev browser ## Install what is missing, a browser included, and run the tests
	@echo "Tests…"
	@PYTHONDONTWRITEBYTECODE= exec $(PYTHON) -m pytest -n 3 --no-loadscope-reorder $(MORE_TESTS)

check: installed-dev check-format check-lint check-types check-imports check-migrations check-deploy test chaos-sample lab-sample ## What CI runs: format, lint, types, import rules, migrations, deployment checks, tests, samples of chaos and lab

check-format:
	@echo "Format…"
	@$(PYTHON) -m ruff format --check --quiet . || { echo "Mend it with: .venv/bin/ruff format"; exit 1; }

check-lint:
	@echo "Lint…"
	@$(PYTHON) -m ruff check --quiet .

check-types:
	@echo "Types…"
	@$(PYTHON) -m mypy --no-error-summary .

check-imports:
	@echo "Import rules…"
	@$(PYTHON) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-logo > .venv/imports.txt \
		|| { cat .venv/imports.txt; exit 1; }

check-migrations:
	@echo "Migrations in step with the models…"
	@$(PYTHON) manage.py makemigrations --check --dry-run

# The values are those of nobody: a deployment as the README describes it must pass without a warning.
check-deploy:
	@echo "Deployment checks…"
	@AWS_SANDBOX=0 VAR_DIR=.venv/check-deploy PUBLIC_URL=https://console.example.com ALLOWED_HOSTS=console.example.com \
		ISSUER_URL=https://issuer.example.com BEHIND_TLS_PROXY=1 DATABASE_URL=postgres://console@db.example.com/console \
		REDIS_URL=rediss://broker.example.com/0 \
		ROLE_PERMISSIONS_BOUNDARY=arn:aws:iam::111122223333:policy/VertesiaBoundary \
		SECRET_KEY=not-a-secret-but-long-enough-and-of-many-different-characters-0123456789 \
		ENCRYPTION_KEYS=not-a-secret-either-but-long-enough-9876543210-of-different-characters \
		$(PYTHON) manage.py check --deploy --fail-level WARNING

chaos: installed-dev ## Kill workers, let AWS fail, let people collide: the whole matrix, one line per row (ten minutes at most)
	@exec $(PYTHON) -m tests.chaos

chaos-sample: installed-dev
	@echo "Chaos, a sample…"
	@exec $(PYTHON) -m tests.chaos --sample

lab: installed-dev ## Break the sandbox and the issuer in every way of the catalogue, and mend what the console finds (three minutes)
	@exec $(PYTHON) -m tests.lab

lab-sample: installed-dev
	@echo "Failures, a sample…"
	@exec $(PYTHON) -m tests.lab --sample

bench: installed-dev ## Measure what the console promises: one line per figure
	@exec $(PYTHON) -m tests.bench

lock: installed-dev ## Write requirements/*.txt anew from pyproject.toml
	@$(UV_COMPILE) pyproject.toml -o requirements/run.txt
	@$(UV_COMPILE) --group dev pyproject.toml -o requirements/dev.txt
	@$(UV_COMPILE) requirements/bench.in -o requirements/bench.txt

clean: ## Remove .venv and caches; var/, which holds your data, stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pyenv puts a python3.13 on PATH that may only print an error: what counts is what runs.
venv:
	@if ! $(PYTHON) -c 'import pip' 2>/dev/null; then \
		for candidate in python3.13 python3.12 python3.11 python3; do \
			if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$candidate; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "Python 3.11 or newer is needed and none is on PATH. On Debian or Ubuntu: apt install python3 python3-venv"; exit 1; \
		fi; \
		if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
			echo "$$found cannot make virtual environments. On Debian or Ubuntu: apt install $$("$$found" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"; exit 1; \
		fi; \
		echo "Making .venv with $$("$$found" --version)…"; \
		rm -rf .venv && "$$found" -m venv .venv; \
	fi

# Compared by content, not by date: a fresh clone's dates say nothing.
installed-run: venv
	@if ! cmp -s requirements/run.txt .venv/run.txt; then \
		echo "Installing $$(grep -c == requirements/run.txt) packages (about a minute, once)…"; \
		$(PIP_INSTALL) requirements/run.txt && cp requirements/run.txt .venv/run.txt; \
	fi

installed-dev: venv
	@if ! cmp -s requirements/dev.txt .venv/dev.txt; then \
		echo "Installing $$(grep -c == requirements/dev.txt) packages for development (about two minutes, once)…"; \
		$(PIP_INSTALL) requirements/dev.txt && cp requirements/dev.txt requirements/run.txt .venv/; \
	fi

# Tests that drive a browser say themselves why they are skipped; in CI they fail instead.
browser:
	@for candidate in chromium chromium-browser google-chrome google-chrome-stable; do \
		if command -v "$$candidate" >/dev/null 2>&1; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" = 0 ]; then root=; elif sudo -n true 2>/dev/null; then root="sudo -n"; else root=none; fi; \
	if [ "$$root" != none ] && command -v apt-get >/dev/null 2>&1; then \
		echo "Installing chromium for the browser tests (once)…"; \
		{ $$root apt-get update -qq && $$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null; \
	else \
		echo "No Chromium or Chrome is installed, and this account may not install one: browser tests are left out."; \
	fi
