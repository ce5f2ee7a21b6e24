"""First start: which world a database belongs to, and what stands in it from then on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import connection, transaction

from environments.history import CONSOLE, Actor, record
from environments.issuer.address import validate_issuer_url
from environments.issuer.keys import list_lost_keys, make_signing_key
from environments.models import Environment, Installation, Issuer, Organization, SigningKey

DOCUMENTED_ISSUER_URL: Final = "https://sts.becomposable.com"
CURRENT_ISSUER_URL: Final = "https://sts.vertesia.io"
"""Vertesia's own set-up script has used it, or a regional host, in place of the documented one since March 2026."""
VERTESIA_ISSUERS: Final = (
    (DOCUMENTED_ISSUER_URL, "Vertesia, older organizations"),
    (CURRENT_ISSUER_URL, "Vertesia"),
    ("https://sts.us1.vertesia.io", "Vertesia, United States"),
    ("https://sts.eu1.vertesia.io", "Vertesia, Europe"),
    ("https://sts.jp1.vertesia.io", "Vertesia, Japan"),
)
SANDBOX_ORGANIZATION: Final = ("66a0c0ffee5a4db0c4b0a001", "Acme (sandbox)")
SANDBOX_ENVIRONMENTS: Final = (
    ("66a0c0ffee5a4db0c4b0e001", "Bedrock US", "us-east-1"),
    ("66a0c0ffee5a4db0c4b0e002", "Bedrock EU", "eu-west-1"),
)


class InstallationError(Exception):
    """The console must not run on this database; the message says why and what to do."""


class WrongWorld(InstallationError):
    """A database of the sandbox was started for AWS, or the other way round."""

    def __init__(self, recorded: str) -> None:
        needed = "1" if recorded == Installation.World.SANDBOX else "0"
        super().__init__(
            f"This database belongs to {_name_world(recorded)}, but the console was started for "
            f"{_name_world(settings.WORLD)}. Start it with AWS_SANDBOX={needed}, or give the other world a database "
            f"of its own with DATABASE_URL."
        )


class NoBuiltinIssuer(InstallationError):
    """This installation signs nothing."""

    def __init__(self) -> None:
        super().__init__("This console has no built-in issuer: Vertesia signs the tokens, and there is no key to make.")


class NotPrepared(InstallationError):
    """The database was never started."""

    def __init__(self) -> None:
        super().__init__("This database is not prepared yet. Run: manage.py migrate, then manage.py prepare")


@dataclass(frozen=True)
class IssuerMismatch:
    """The console's address is no longer the one that was stored when it first started.

    `started_as` and `trusted` are issuer URLs; `environments` is how many stand under the built-in issuer.
    """

    started_as: str
    trusted: str
    environments: int

    @property
    def sentence(self) -> str:
        return f"The console was started as {self.started_as}, but roles trust {self.trusted}."

    @property
    def why(self) -> str:
        return f"AWS fetches the keys from {self.trusted}: unless this console answers there, every exchange fails."

    @property
    def remedies(self) -> tuple[str, str]:
        return (
            f"Start the console again with ISSUER_URL={self.trusted}",
            f"Or take the new address, {self.started_as}, and plan each environment again",
        )


def _name_world(world: str) -> str:
    return "real AWS" if world == Installation.World.AWS else "the sandbox"


def _has_builtin_issuer() -> bool:
    return settings.AWS_SANDBOX or settings.ALLOW_BUILTIN_ISSUER


def check_world() -> Installation:
    """The installation, where this process may work on it. Raises WrongWorld and NotPrepared.

    To be called by whatever starts: the web application, a worker, a command.
    """
    if Installation._meta.db_table not in connection.introspection.table_names():
        raise NotPrepared
    installation = Installation.objects.first()
    if installation is None:
        raise NotPrepared
    if installation.world != settings.WORLD:
        raise WrongWorld(installation.world)
    return installation


@transaction.atomic
def prepare_installation(*, now: datetime, key_algorithm: str = SigningKey.Algorithm.RS256) -> Installation:
    """Bring the database to where the console can start; doing it again changes nothing.

    At first start it records the world and the built-in issuer's address, makes the signing key (`key_algorithm`) and,
    in the sandbox, the organization Acme with two unconnected environments. At every start it adds issuers of
    Vertesia that are missing. Raises WrongWorld and address.UnusableIssuerUrl.
    """
    if _has_builtin_issuer():
        validate_issuer_url(settings.ISSUER_URL, is_sandbox=settings.AWS_SANDBOX)
    installation, is_first_start = Installation.objects.get_or_create(
        id=1, defaults={"world": settings.WORLD, "issuer_url": settings.ISSUER_URL if _has_builtin_issuer() else ""}
    )
    if installation.world != settings.WORLD:
        raise WrongWorld(installation.world)
    for url, label in VERTESIA_ISSUERS:
        Issuer.objects.get_or_create(url=url, defaults={"hosting": Issuer.Hosting.VERTESIA, "label": label})
    if _has_builtin_issuer():
        _prepare_builtin_issuer(installation, key_algorithm=key_algorithm)
    if is_first_start:
        record(
            "installation.started",
            f"First start, for {_name_world(settings.WORLD)}.",
            actor=CONSOLE,
            data={"world": installation.world, "issuer_url": installation.issuer_url, "at": now.isoformat()},
        )
        if settings.AWS_SANDBOX:
            _seed_sandbox()
    return installation


def _prepare_builtin_issuer(installation: Installation, *, key_algorithm: str) -> None:
    if not installation.issuer_url:
        installation.issuer_url = settings.ISSUER_URL
        installation.save(update_fields=["issuer_url"])
    Issuer.objects.get_or_create(
        hosting=Issuer.Hosting.BUILTIN,
        defaults={
            "url": installation.issuer_url,
            "label": "Built in" if settings.AWS_SANDBOX else "Built in, not usable by Vertesia",
        },
    )
    if not SigningKey.objects.filter(is_signing=True).exists():
        make_signing_key(algorithm=key_algorithm)


@transaction.atomic
def make_new_signing_key(*, actor: Actor, algorithm: str = "") -> SigningKey:
    """Sign with a new key from now on, of the former one's algorithm unless another is named. Raises NoBuiltinIssuer.

    The former key stays published for the tokens it signed, unless it is lost: then it goes, so that the others can be
    encrypted anew. No role needs a change, because roles trust the issuer's address.
    """
    if not _has_builtin_issuer():
        raise NoBuiltinIssuer
    former = SigningKey.objects.filter(is_signing=True).first()
    lost = [key.pk for key in list_lost_keys()]
    SigningKey.objects.filter(pk__in=lost).delete()
    made = make_signing_key(algorithm=algorithm or (former.algorithm if former else SigningKey.Algorithm.RS256))
    record(
        "issuer.key_made",
        f"The built-in issuer signs with a new key, {made.kid}.",
        actor=actor,
        data={"kid": made.kid, "former": former.kid if former else "", "lost": len(lost)},
    )
    return made


def _seed_sandbox() -> None:
    organization_id, name = SANDBOX_ORGANIZATION
    organization = Organization.objects.create(name=name, organization_id=organization_id, issuer=default_issuer())
    Environment.objects.bulk_create(
        Environment(
            organization=organization, environment_id=environment_id, name=environment_name, endpoint_url=region
        )
        for environment_id, environment_name, region in SANDBOX_ENVIRONMENTS
    )


def default_issuer() -> Issuer:
    """The issuer preselected for a new organization: the built-in one in the sandbox, the documented one in AWS.

    Raises NotPrepared where first start has not happened.
    """
    wanted = {"hosting": Issuer.Hosting.BUILTIN} if settings.AWS_SANDBOX else {"url": DOCUMENTED_ISSUER_URL}
    issuer = Issuer.objects.filter(**wanted).first()
    if issuer is None:
        raise NotPrepared
    return issuer


def issuer_mismatch() -> IssuerMismatch | None:
    """What is wrong where ISSUER_URL is no longer the built-in issuer's stored URL; None where they are the same.

    None also where this installation has no built-in issuer. At most two queries.
    """
    if not _has_builtin_issuer():
        return None
    issuer = Issuer.objects.filter(hosting=Issuer.Hosting.BUILTIN).first()
    if issuer is None or issuer.url == settings.ISSUER_URL:
        return None
    return IssuerMismatch(
        started_as=settings.ISSUER_URL,
        trusted=issuer.url,
        environments=Environment.objects.filter(organization__issuer=issuer).count(),
    )


@transaction.atomic
def take_new_issuer_url(*, actor: Actor) -> IssuerMismatch | None:
    """Let the built-in issuer sign as ISSUER_URL from now on; None where it does so already.

    Roles go on trusting the earlier address until each environment is planned again: verifying it says so.
    """
    mismatch = issuer_mismatch()
    if mismatch is None:
        return None
    Issuer.objects.filter(hosting=Issuer.Hosting.BUILTIN).update(url=mismatch.started_as)
    Installation.objects.update(issuer_url=mismatch.started_as)
    record(
        "issuer.moved",
        f"The built-in issuer moved from {mismatch.trusted} to {mismatch.started_as}.",
        actor=actor,
        data={"from": mismatch.trusted, "to": mismatch.started_as},
    )
    return mismatch
