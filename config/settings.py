"""All settings, in one file, each read from an environment variable or from the file that NAME_FILE names.

Every variable is listed once in `.env.example`, with its meaning and default.
"""

import os
import secrets
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

# Every program of the console reads its settings first: what it writes is for its own user alone.
os.umask(0o077)

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()


def read_or_make_secret(name: str, path: Path, *, may_generate: bool) -> str:
    """The secret in variable `name` (or NAME_FILE); otherwise, where allowed, one kept in `path` with mode 0600."""
    if value := env.str(name, default=""):
        return str(value)
    if not may_generate:
        raise ImproperlyConfigured(
            f"{name} is not set. Set {name} or {name}_FILE: with your own database, secrets are yours to keep. "
            f"A new one: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600, exist_ok=True)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text().strip()


# --- Which world, and where its state lives -------------------------------------------------------------------

AWS_SANDBOX: bool = env.bool("AWS_SANDBOX", default=True)
WORLD = "sandbox" if AWS_SANDBOX else "aws"
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))
STATE_DIR = VAR_DIR / WORLD
# Commands in a second shell, and the next start, use the port of the last one: issuer and cookies hang on it.
PORT_FILE = STATE_DIR / "port"
PORT: int = env.int("PORT", default=int(PORT_FILE.read_text()) if PORT_FILE.exists() else 8000)
DEBUG: bool = env.bool("DEBUG", default=False)
PUBLIC_URL: str = env.str("PUBLIC_URL", default=f"http://localhost:{PORT}").rstrip("/")

DATABASE_URL: str = env.str("DATABASE_URL", default="")
IS_EMBEDDED = not DATABASE_URL
SECRET_KEY = read_or_make_secret("SECRET_KEY", STATE_DIR / "secret_key", may_generate=IS_EMBEDDED)
ENCRYPTION_KEYS: list[str] = read_or_make_secret(
    "ENCRYPTION_KEYS", STATE_DIR / "encryption_keys", may_generate=IS_EMBEDDED
).split(",")

# --- The issuer and AWS ---------------------------------------------------------------------------------------

ISSUER_URL: str = env.str("ISSUER_URL", default=f"http://localhost:{PORT}")
ROLE_PATH: str = env.str("ROLE_PATH", default="/")
ROLE_PERMISSIONS_BOUNDARY: str = env.str("ROLE_PERMISSIONS_BOUNDARY", default="")
ALLOW_BUILTIN_ISSUER: bool = env.bool("ALLOW_BUILTIN_ISSUER", default=False)
SANDBOX_URL: str = env.str("SANDBOX_URL", default="")
SANDBOX_URL_FILE = VAR_DIR / "sandbox.url"
SANDBOX_VERTESIA_URL_FILE = VAR_DIR / "vertesia.url"  # Where the sandbox puts it: beside its own.
SANDBOX_PROPAGATION_SECONDS: float = env.float("SANDBOX_PROPAGATION_SECONDS", default=6.0)
PROPAGATION_WINDOW_SECONDS: int = env.int("PROPAGATION_WINDOW_SECONDS", default=120)
PROOF_MAX_AGE_HOURS: int = env.int("PROOF_MAX_AGE_HOURS", default=24)
OBSERVATION_INTERVAL_HOURS: int = env.int("OBSERVATION_INTERVAL_HOURS", default=6)
VERIFICATION_INTERVAL_HOURS: int = env.int("VERIFICATION_INTERVAL_HOURS", default=6)
KEEP_PROOFS_DAYS: int = env.int("KEEP_PROOFS_DAYS", default=90)

# --- Telling of findings --------------------------------------------------------------------------------------


def read_mail_server() -> dict[str, Any]:
    """Django's settings of the mail server in EMAIL_URL; of one that sends nothing where that is empty.

    What is wrong with the address is not quoted: it holds a password.
    """
    try:
        found: dict[str, Any] = env.email_url_config(env.str("EMAIL_URL", default="").strip() or "dummymail://")
    except (ValueError, ImproperlyConfigured):
        raise ImproperlyConfigured(
            "EMAIL_URL is not understood. An example: smtp+tls://USER:PASSWORD@mail.example.com:587, where what is "
            "special in the password is percent-encoded."
        ) from None
    return found


_mail_server = read_mail_server()
EMAIL_BACKEND: str = _mail_server["EMAIL_BACKEND"]
EMAIL_HOST: str = _mail_server["EMAIL_HOST"] or ""
EMAIL_PORT: int | None = _mail_server["EMAIL_PORT"]
EMAIL_HOST_USER: str = _mail_server["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD: str = _mail_server["EMAIL_HOST_PASSWORD"] or ""
EMAIL_FILE_PATH: str = _mail_server["EMAIL_FILE_PATH"]
EMAIL_USE_TLS: bool = _mail_server.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL: bool = _mail_server.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
HAS_MAIL_SERVER = "dummy" not in EMAIL_BACKEND
DEFAULT_FROM_EMAIL: str = env.str("EMAIL_FROM", default="vertesia-aws-setup@localhost")
NOTIFY_EMAILS: list[str] = [address.strip() for address in env.list("NOTIFY_EMAILS", default=[]) if address.strip()]
NOTIFY_WEBHOOK_URL: str = env.str("NOTIFY_WEBHOOK_URL", default="").strip()
NOTIFY_WEBHOOK_SECRET: str = env.str("NOTIFY_WEBHOOK_SECRET", default="").strip()
NOTICE_GROUP_SECONDS: int = env.int("NOTICE_GROUP_SECONDS", default=60)

# --- Django ---------------------------------------------------------------------------------------------------

ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
IS_HTTPS = PUBLIC_URL.startswith("https://")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "django_htmx",
    "heroicons",
    "config",
    "environments",
    "aws_setup",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.middleware.SignInRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "sign_in"
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.console",
            ],
            "builtins": ["heroicons.templatetags.heroicons"],
        },
    }
]

if IS_EMBEDDED:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": STATE_DIR / "console.sqlite3",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16000;",
            },
            # A file, also under test: several real processes share it.
            "TEST": {"NAME": env.str("TEST_DATABASE_FILE", default=str(STATE_DIR / "test.sqlite3"))},
        }
    }
else:
    DATABASES = {"default": {**env.db_url_config(DATABASE_URL), "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}}

AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Security of every answer ---------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 60 * 60 * 12
# Browsers do not tell ports apart in cookies: two checkouts side by side need two names.
SESSION_COOKIE_NAME = f"console_session_{PORT}"
CSRF_COOKIE_NAME = f"console_csrf_{PORT}"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS: bool = IS_HTTPS and env.bool("HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD: bool = IS_HTTPS and env.bool("HSTS_PRELOAD", default=False)
# Both speak for hosts beside this one, which whoever runs the console may not: off is right unless they say so.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if env.bool("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# --- Celery: the database is the queue of record, messages are hints ------------------------------------------

BROKER_URL_FILE = VAR_DIR / "broker.url"
HAS_OWN_BROKER = bool(env.str("REDIS_URL", default=""))


def read_broker_url() -> str:
    """REDIS_URL, or the address of the embedded Valkey that `make run` started."""
    if url := env.str("REDIS_URL", default=""):
        return str(url)
    return BROKER_URL_FILE.read_text().strip() if BROKER_URL_FILE.exists() else "redis://127.0.0.1:1/0"


CELERY_BROKER_URL = read_broker_url()
CELERY_TASK_IGNORE_RESULT = True
# Messages are hints, acknowledged as they are taken up: the database knows what is still to do. See hint_task.py.
CELERY_TASK_ACKS_LATE = False
# In this order, whatever the first is: soft limit, hard limit, lease, visibility timeout.
CELERY_TASK_SOFT_TIME_LIMIT = env.int("TASK_SECONDS", default=60)
CELERY_TASK_TIME_LIMIT = CELERY_TASK_SOFT_TIME_LIMIT * 3 // 2
RUN_LEASE_SECONDS = CELERY_TASK_SOFT_TIME_LIMIT * 2
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": CELERY_TASK_SOFT_TIME_LIMIT * 10,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "max_retries": 1,
    "interval_start": 0,
    "interval_max": 0.2,
}
CELERY_TASK_PUBLISH_RETRY = False
# Otherwise whoever reaches the broker could stop workers, or read what they do. Signs of life are keys of our own.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
SWEEP_SECONDS: int = env.int("SWEEP_SECONDS", default=15)
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "aws_setup.tasks.sweep",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
}
CELERY_BEAT_SCHEDULER = "config.heartbeat:HeartbeatScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "botocore": {"level": "WARNING"},
        "boto3": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
