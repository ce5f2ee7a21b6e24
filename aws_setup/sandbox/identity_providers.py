"""IAM OpenID Connect identity providers: issuer URLs, audiences, thumbprints, tags."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from urllib.parse import urlsplit

from aws_setup.sandbox import emulator
from aws_setup.sandbox.calls import IamCall
from aws_setup.sandbox.emulator import Record
from aws_setup.sandbox.errors import AwsError, limit_exceeded, provider_not_found, validation_error
from aws_setup.sandbox.issuers import TIMEOUT_SECONDS, FetchError, fetch_json, is_loopback
from aws_setup.sandbox.lateness import Place
from aws_setup.sandbox.parameters import merge_tags, without_tags
from aws_setup.sandbox.wire import Xml, iso_time

PROVIDERS_QUOTA = 100
MAX_THUMBPRINTS = 5


def provider_arn(account_id: str, issuer_url: str) -> str:
    return f"arn:aws:iam::{account_id}:oidc-provider/{issuer_url.partition('://')[2]}"


def find_provider(account_id: str, issuer_url: str) -> Record | None:
    """The provider registered for exactly this issuer, scheme, case and trailing slash included."""
    found = emulator.providers.find(account_id, provider_arn(account_id, issuer_url))
    return found if found is not None and found["Url"] == issuer_url else None


async def create_provider(call: IamCall) -> Xml:
    url = call.parameters.required("Url")
    audiences, thumbprints = call.parameters.members("ClientIDList"), call.parameters.members("ThumbprintList")
    tags = call.parameters.tags()
    _check_url(url)
    for audience in audiences:
        _check_audience(audience)
    _check_number_of_audiences(call, len(audiences))
    _check_thumbprints(thumbprints)
    _check_is_new(call.account_id, url)
    if not thumbprints:
        thumbprints = [
            await _observed_thumbprint(
                url, stopped=call.state.stopped_issuers, private=call.state.private_certificates.get(url)
            )
        ]
        _check_is_new(call.account_id, url)
    arn = provider_arn(call.account_id, url)
    audiences = list(dict.fromkeys(audiences))
    emulator.providers.put(
        call.account_id,
        arn,
        {
            "Url": url,
            "ClientIDList": audiences,
            "ThumbprintList": [thumbprint.lower() for thumbprint in thumbprints],
            "Arn": arn,
            "CreateDate": iso_time(datetime.now(UTC)),
            "Tags": tags,
        },
    )
    call.state.propagation.audiences.record((call.account_id, arn), before=None, after=tuple(audiences))
    call.state.changed()
    return {"OpenIDConnectProviderArn": arn, "Tags": tags or None}


def get_provider(call: IamCall) -> Xml:
    provider = _shown_provider(call)
    audience = Place("audience", call.account_id, provider["Arn"])
    provider = provider | call.state.lateness.seen(audience, {})
    return {
        "Url": provider["Url"].partition("://")[2],
        "ClientIDList": provider["ClientIDList"],
        "ThumbprintList": provider["ThumbprintList"],
        "CreateDate": provider["CreateDate"],
        "Tags": provider["Tags"],
    }


def list_providers(call: IamCall) -> Xml:
    stored = emulator.providers.of_account(call.account_id)
    arns = sorted(stored.keys() | call.state.lateness.names("provider", call.account_id))
    return {
        "OpenIDConnectProviderList": [{"Arn": arn} for arn in arns if _shown(call, arn, stored.get(arn)) is not None]
    }


def delete_provider(call: IamCall) -> Xml:
    """Deleting what is not there is no error: https://docs.aws.amazon.com/goto/WebAPI/iam/DeleteOpenIDConnectProvider"""
    try:
        arn = _the_provider(call)["Arn"]
    except AwsError as error:
        if error.code == "NoSuchEntity":
            return None
        raise
    emulator.providers.remove(call.account_id, arn)
    call.state.propagation.audiences.forget((call.account_id, arn))
    call.state.lateness.forget(Place("audience", call.account_id, arn))
    call.state.changed()
    return None


def add_audience(call: IamCall) -> Xml:
    provider, audience = _the_provider(call), call.parameters.required("ClientID")
    _check_audience(audience)
    if audience not in provider["ClientIDList"]:
        _check_number_of_audiences(call, len(provider["ClientIDList"]) + 1)
        _change_audiences(call, provider, [*provider["ClientIDList"], audience])
    return None


def remove_audience(call: IamCall) -> Xml:
    """Removing what is not there is no error."""
    provider, audience = _the_provider(call), call.parameters.required("ClientID")
    if audience in provider["ClientIDList"]:
        _change_audiences(call, provider, [known for known in provider["ClientIDList"] if known != audience])
    return None


def update_thumbprints(call: IamCall) -> Xml:
    """Replaces the whole list."""
    provider, thumbprints = _the_provider(call), call.parameters.members("ThumbprintList")
    if not thumbprints:
        raise AwsError("InvalidInput", "Thumbprint list must contain at least 1 entry.")
    _check_thumbprints(thumbprints)
    provider["ThumbprintList"] = [thumbprint.lower() for thumbprint in thumbprints]
    call.state.changed()
    return None


def tag_provider(call: IamCall) -> Xml:
    provider = _the_provider(call)
    provider["Tags"] = merge_tags(provider["Tags"], call.parameters.tags())
    call.state.changed()
    return None


def untag_provider(call: IamCall) -> Xml:
    provider = _the_provider(call)
    provider["Tags"] = without_tags(provider["Tags"], call.parameters.members("TagKeys"))
    call.state.changed()
    return None


def list_provider_tags(call: IamCall) -> Xml:
    page, marker = call.parameters.page(_shown_provider(call)["Tags"])
    return {"Tags": page, "IsTruncated": marker is not None, "Marker": marker}


def _the_provider(call: IamCall) -> Record:
    """For a call to write to; NoSuchEntity also where IAM does not show it yet."""
    arn = _required_arn(call)
    provider = emulator.providers.find(call.account_id, arn)
    if provider is None or _shown(call, arn, provider) is None:
        raise provider_not_found(arn)
    return provider


def _shown_provider(call: IamCall) -> Record:
    """As IAM shows it. To be read only."""
    arn = _required_arn(call)
    provider = _shown(call, arn, emulator.providers.find(call.account_id, arn))
    if provider is None:
        raise provider_not_found(arn)
    return provider


def _required_arn(call: IamCall) -> str:
    arn = call.parameters.required("OpenIDConnectProviderArn")
    if not arn.startswith(f"arn:aws:iam::{call.account_id}:oidc-provider/"):
        raise AwsError("ValidationError", f"Invalid ARN: {arn}")
    return arn


def _shown(call: IamCall, arn: str, provider: Record | None) -> Record | None:
    shown: Record | None = call.state.lateness.seen(Place("provider", call.account_id, arn), provider)
    return shown


def _change_audiences(call: IamCall, provider: Record, audiences: list[str]) -> None:
    before = tuple(provider["ClientIDList"])
    provider["ClientIDList"] = audiences
    call.state.propagation.audiences.record((call.account_id, provider["Arn"]), before=before, after=tuple(audiences))
    call.state.changed()


def _check_url(url: str) -> None:
    if len(url) > 255:
        raise validation_error(
            f"Value '{url}' at 'url' failed to satisfy constraint: Member must have length less than or equal to 255"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AwsError("ValidationError", "Invalid Open ID Connect Provider URL") from error
    if not parts.scheme or not parts.hostname:
        raise AwsError("ValidationError", "Invalid Open ID Connect Provider URL")
    if parts.query or parts.fragment or parts.username is not None or "?" in url or "#" in url:
        raise AwsError("InvalidInput", "Invalid Open ID Connect Provider URL.")
    if is_loopback(url):
        return
    if parts.scheme != "https":
        raise AwsError("InvalidInput", "Invalid Open ID Connect Provider URL. The URL must begin with https://.")
    if port is not None or parts.netloc != parts.hostname:
        raise AwsError("InvalidInput", "Invalid Open ID Connect Provider URL.")


def _check_is_new(account_id: str, url: str) -> None:
    if emulator.providers.find(account_id, provider_arn(account_id, url)) is not None:
        raise AwsError("EntityAlreadyExists", f"Provider with url {url} already exists.", 409)
    if len(emulator.providers.of_account(account_id)) >= PROVIDERS_QUOTA:
        raise limit_exceeded("OpenIdConnectProvidersPerAccount", PROVIDERS_QUOTA)


def _check_audience(audience: str) -> None:
    if not 1 <= len(audience) <= 255:
        raise validation_error(
            f"Value '{audience}' at 'clientID' failed to satisfy constraint: "
            "Member must have length less than or equal to 255"
        )


def _check_number_of_audiences(call: IamCall, number: int) -> None:
    quota = call.quota("ClientIdsPerOpenIdConnectProvider")
    if number > quota:
        raise limit_exceeded("ClientIdsPerOpenIdConnectProvider", quota)


def _check_thumbprints(thumbprints: list[str]) -> None:
    if len(thumbprints) > MAX_THUMBPRINTS:
        raise AwsError("InvalidInput", "Thumbprint list must contain fewer than 5 entries.")
    for thumbprint in thumbprints:
        if len(thumbprint) != 40:
            raise validation_error(
                f"Value '[{thumbprint}]' at 'thumbprintList' failed to satisfy constraint: Member must satisfy "
                "constraint: [Member must have length less than or equal to 40, "
                "Member must have length greater than or equal to 40]"
            )


async def _observed_thumbprint(url: str, *, stopped: set[str], private: str | None) -> str:
    """What IAM fills in when no thumbprint is sent: it contacts the issuer for that.

    A loopback issuer is contacted. A public one counts as reachable, so that the sandbox works without
    the internet and touches nobody's servers; names that cannot exist (RFC 2606) do not.
    """
    host = urlsplit(url).hostname or ""
    failure = AwsError(
        "OpenIdIdpCommunicationError",
        "The request failed because IAM cannot connect to the OpenID Connect identity provider URL.",
    )
    if url in stopped or host.rpartition(".")[2] in ("invalid", "test", "example"):
        raise failure
    if is_loopback(url):
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await fetch_json(url + "/.well-known/openid-configuration")
        except (FetchError, TimeoutError) as error:
            raise failure from error
    return private or hashlib.sha1(host.encode(), usedforsecurity=False).hexdigest()
