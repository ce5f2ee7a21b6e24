"""The console's own settings, read without this machine's variables, and with a VAR_DIR that ends with the tests."""

import atexit
import os
import shutil
import tempfile

PREFIXES = (
    *("AWS_", "CELERY_", "DATABASE_", "DJANGO_", "EMAIL_", "ENCRYPTION_", "ISSUER_", "NOTICE_", "NOTIFY_", "REDIS_"),
    *("SANDBOX_", "SECRET_"),
)
NAMES = ("ALLOWED_HOSTS", "ALLOW_BUILTIN_ISSUER", "BEHIND_TLS_PROXY", "DEBUG", "PORT", "PUBLIC_URL", "SWEEP_SECONDS")

for name in list(os.environ):
    if name != "DJANGO_SETTINGS_MODULE" and (name.startswith(PREFIXES) or name in NAMES):
        del os.environ[name]

# Playwright's synchronous API keeps an event loop in the thread in which tests use the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

# Set by whoever started this process if it is one of several that run the tests.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="console-tests-")
    atexit.register(shutil.rmtree, os.environ["VAR_DIR"], ignore_errors=True)

from config.settings import *  # noqa: E402, F403 - the settings under test are the settings

# Static files are collected when the console is started; the stack's tests see them, tests in this process do not.
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405
STORAGES = {
    **STORAGES,  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# The consoles that tests start hash as they always do.
PASSWORD_HASHERS = ["tests.passwords.FewRounds"]
