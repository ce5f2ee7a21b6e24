"""System checks: what `manage.py check --deploy` says of a console that others will rely on.

Most rules are for deployment only: on one machine, `make run` is right as it is. Ids are stable; a rule can be
silenced by its id in SILENCED_SYSTEM_CHECKS.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from aws_setup.notices.channels import find_faults
from environments.issuer.address import UnusableIssuerUrl, validate_issuer_url

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "ceph", "glusterfs", "lustre"}
)
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1", "[::1]", ".localhost"})
SECRET_MIN_LENGTH = 32
SECRET_MIN_DIFFERENT = 10


@register(Tags.security, deploy=True)
def check_world(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The sandbox is no deployment: its keys are printed in its source."""
    if not settings.AWS_SANDBOX:
        return []
    return [
        Error(
            "The console runs in the sandbox, where nothing touches AWS.",
            hint="Set AWS_SANDBOX=0 and give the worker AWS credentials in one of AWS's usual ways.",
            id="console.E001",
        )
    ]


@register(Tags.security, deploy=True)
def check_public_url(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """People sign in here, so it is https, and the address is one that others can reach."""
    if urlsplit(settings.PUBLIC_URL).scheme == "https":
        return []
    return [
        Error(
            f"PUBLIC_URL is {settings.PUBLIC_URL}: passwords and sessions would travel in clear.",
            hint="Put a TLS proxy in front and set PUBLIC_URL to the https address that people type.",
            id="console.E002",
        )
    ]


@register(Tags.security, deploy=True)
def check_secrets(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Secrets are long and varied, each for one purpose."""
    secrets = {"SECRET_KEY": [settings.SECRET_KEY], "ENCRYPTION_KEYS": settings.ENCRYPTION_KEYS}
    found: list[CheckMessage] = [
        Error(
            f"{name} is weak: fewer than {SECRET_MIN_LENGTH} characters, or {SECRET_MIN_DIFFERENT} different ones.",
            hint=f"A new one: python -c 'import secrets; print(secrets.token_urlsafe(48))'. "
            f"Give it in {name} or in a file named by {name}_FILE.",
            id="console.E003",
        )
        for name, values in secrets.items()
        if not values or any(is_weak(value) for value in values)
    ]
    if settings.SECRET_KEY in settings.ENCRYPTION_KEYS:
        found.append(
            Error(
                "SECRET_KEY is also an encryption key: who learns one would have both.",
                hint="Make a new SECRET_KEY; that only signs everybody out.",
                id="console.E004",
            )
        )
    return found


def is_weak(secret: str) -> bool:
    """Whether a secret is too short or too uniform to have been made at random."""
    return len(secret) < SECRET_MIN_LENGTH or len(set(secret)) < SECRET_MIN_DIFFERENT


@register(Tags.security, deploy=True)
def check_hosts(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Only names of this console are answered, and the public one is among them."""
    found: list[CheckMessage] = []
    if wildcards := [host for host in settings.ALLOWED_HOSTS if "*" in host]:
        found.append(
            Error(
                f"ALLOWED_HOSTS holds {', '.join(wildcards)}: the console would answer to any name.",
                hint="List the host names that people use, separated by commas.",
                id="console.E005",
            )
        )
    public_host = urlsplit(settings.PUBLIC_URL).hostname or ""
    is_listed = any(
        host in (public_host, "*") or (host.startswith(".") and f".{public_host}".endswith(host))
        for host in settings.ALLOWED_HOSTS
    )
    if not is_listed:
        found.append(
            Error(
                f"ALLOWED_HOSTS does not hold {public_host}, the host of PUBLIC_URL: every page would be refused.",
                hint=f"Add {public_host} to ALLOWED_HOSTS.",
                id="console.E006",
            )
        )
    return found


@register(Tags.security)
def check_issuer_url(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The built-in issuer's address, where it may be used, is one that AWS or the sandbox accepts."""
    if not settings.AWS_SANDBOX and not settings.ALLOW_BUILTIN_ISSUER:
        return []
    try:
        validate_issuer_url(settings.ISSUER_URL, is_sandbox=settings.AWS_SANDBOX)
    except UnusableIssuerUrl as error:
        return [
            Error(
                str(error),
                hint="An example that AWS accepts: https://issuer.example.com. With real AWS and Vertesia's own "
                "issuer, leave ALLOW_BUILTIN_ISSUER unset: then ISSUER_URL does not matter.",
                id="console.E007",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def check_builtin_issuer(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The built-in issuer with real AWS is somebody's decision, so what it means is said."""
    if settings.AWS_SANDBOX or not settings.ALLOW_BUILTIN_ISSUER:
        return []
    return [
        Warning(
            "ALLOW_BUILTIN_ISSUER is set: roles made with the built-in issuer trust whoever holds this console's "
            "signing keys, and Vertesia cannot use them.",
            hint="Leave it unset unless you test the chain of trust in an account of your own; once decided, silence "
            "this by its id.",
            id="console.W001",
        )
    ]


@register(Tags.security, deploy=True)
def check_broker(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """A broker that others can reach lets in who knows a password, or is spoken to by TLS."""
    broker = urlsplit(settings.CELERY_BROKER_URL)
    is_local = broker.hostname is None or broker.hostname in LOOPBACK_NAMES
    if is_local or broker.scheme == "rediss" or broker.password:
        return []
    return [
        Warning(
            "The broker is on another machine, with neither TLS nor a password: who reaches it can start tasks and "
            "hold them up.",
            hint="Name it as rediss://:PASSWORD@HOST:PORT/0 in REDIS_URL.",
            id="console.W004",
        )
    ]


@register(Tags.security, deploy=True)
def check_permissions_boundary(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Without a boundary, who may create roles and give them policies may do anything in the account."""
    if settings.AWS_SANDBOX or settings.ROLE_PERMISSIONS_BOUNDARY:
        return []
    return [
        Warning(
            "ROLE_PERMISSIONS_BOUNDARY is not set: the rights that the console needs are then those of an "
            "administrator of the AWS account.",
            hint="Name a policy's ARN in ROLE_PERMISSIONS_BOUNDARY, and print the console's own policy with it: "
            "manage.py provisioning_policy. Once decided otherwise, silence this by its id.",
            id="console.W005",
        )
    ]


@register()
def check_notifications(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """A channel that is half set is not used, and whoever set it would wait for ever."""
    return [
        Warning(fault.sentence, hint=f"{fault.remedy} {fault.command}".strip(), id=fault.code)
        for fault in find_faults()
    ]


@register()
def check_verification_interval(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The next scheduled proof comes before the last one is too old to count."""
    longest = settings.VERIFICATION_INTERVAL_HOURS * 1.1  # give or take a tenth
    if longest < settings.PROOF_MAX_AGE_HOURS:
        return []
    return [
        Warning(
            f"Connections are proven every {settings.VERIFICATION_INTERVAL_HOURS} hours, give or take a tenth, and a "
            f"proof counts for {settings.PROOF_MAX_AGE_HOURS}: what works turns grey before it is proven again.",
            hint="Make VERIFICATION_INTERVAL_HOURS shorter, or PROOF_MAX_AGE_HOURS longer.",
            id="console.W006",
        )
    ]


@register(Tags.database)
def check_sqlite_is_local(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """SQLite's write-ahead log needs shared memory, which a network file system has not.

    Source: https://www.sqlite.org/wal.html
    """
    database: dict[str, Any] = settings.DATABASES["default"]
    if "sqlite3" not in database["ENGINE"]:
        return []
    kind = file_system_of(Path(database["NAME"]))
    if kind not in NETWORK_FILE_SYSTEMS:
        return []
    return [
        Warning(
            f"The SQLite database lies on a network file system ({kind}), where it can be corrupted.",
            hint="Move VAR_DIR to a local disk, or name a PostgreSQL in DATABASE_URL.",
            id="console.W002",
        )
    ]


def file_system_of(path: Path, *, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """The type of the file system that holds `path`, as the kernel names it; None where it does not tell."""
    if not mounts.exists():
        return None
    resolved = path.resolve()
    best: tuple[int, str] | None = None
    for line in mounts.read_text().splitlines():
        _, mount_point, kind, *_ = line.split(" ")
        point = Path(mount_point.replace("\\040", " "))
        if resolved.is_relative_to(point) and (best is None or len(point.parts) >= best[0]):
            best = (len(point.parts), kind)
    return best[1] if best else None


@register(Tags.database, deploy=True)
def check_sqlite_is_enough(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """SQLite serves one host; several host names, or a broker elsewhere, speak of more."""
    database: dict[str, Any] = settings.DATABASES["default"]
    if "sqlite3" not in database["ENGINE"]:
        return []
    public_hosts = [host for host in settings.ALLOWED_HOSTS if host not in LOOPBACK_NAMES]
    broker_host = urlsplit(settings.CELERY_BROKER_URL).hostname or "localhost"
    if len(public_hosts) < 2 and broker_host in LOOPBACK_NAMES:
        return []
    return [
        Warning(
            "The database is SQLite, which only processes of one host can share.",
            hint="With several hosts, name a PostgreSQL in DATABASE_URL.",
            id="console.W003",
        )
    ]
