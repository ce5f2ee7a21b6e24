"""Which URLs the built-in issuer may have. Pure.

The URL is one string, byte for byte the same in tokens, in discovery and in IAM. AWS takes https without port or query
(https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html); loopback http with a port
is the sandbox's one waiver.
"""

import ipaddress
from urllib.parse import unquote, urlsplit

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class UnusableIssuerUrl(ValueError):
    """The built-in issuer cannot have this URL; the message is a sentence that says why."""


def validate_issuer_url(url: str, *, is_sandbox: bool) -> None:
    """Raise UnusableIssuerUrl unless AWS, or the sandbox where `is_sandbox`, can trust an issuer at `url`."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.query or parts.fragment or "?" in url or "#" in url:
        raise UnusableIssuerUrl(f"ISSUER_URL must be a plain URL without user, query or fragment; it is {url!r}.")
    if url.endswith("/"):
        raise UnusableIssuerUrl(
            f"ISSUER_URL must not end with a slash, because AWS compares every byte of it; it is {url!r}."
        )
    if is_sandbox and parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS:
        return
    if parts.scheme != "https" or parts.netloc != parts.hostname or not _is_public_host(parts.hostname):
        raise UnusableIssuerUrl(
            f"ISSUER_URL must be a public https URL in lower case and without a port, where AWS can fetch it; "
            f"it is {url!r}."
        )


def _is_public_host(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".local", ".internal", ".test", ".invalid"))


def issuer_path(url: str) -> str:
    """The route prefix under which an issuer at `url` serves its documents: `""`, or `oidc/` for `https://x/oidc`."""
    path = unquote(urlsplit(url).path).strip("/")
    return f"{path}/" if path else ""
