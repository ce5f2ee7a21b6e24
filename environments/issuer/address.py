"""Which URLs an issuer may have. Pure.

The URL is one string, byte for byte the same in tokens, in discovery and in IAM. AWS takes https without port or query
(https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html); loopback http with a port
is the sandbox's one waiver.
"""

import ipaddress
from urllib.parse import unquote, urlsplit

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
LOOPBACK_URL_PATTERN = r"^http://(localhost|127\.0\.0\.1|\[::1\]):[0-9]+(/|\Z)"
"""An issuer on this machine, as the sandbox's own Vertesia is."""


class UnusableIssuerUrl(ValueError):
    """The built-in issuer cannot have this URL; the message is a sentence that says why."""


def validate_issuer_url(url: str, *, is_sandbox: bool) -> None:
    """Raise UnusableIssuerUrl unless AWS, or the sandbox where `is_sandbox`, can trust an issuer at `url`."""
    rule = find_broken_rule(url, is_sandbox=is_sandbox)
    if rule:
        raise UnusableIssuerUrl(f"ISSUER_URL {rule}; it is {url!r}.")


def find_broken_rule(url: str, *, is_sandbox: bool) -> str:
    """The rule for an issuer's URL that `url` breaks, as the end of a sentence; empty where it keeps them all."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "must be a URL"
    if not parts.hostname or parts.username or parts.query or parts.fragment or "?" in url or "#" in url:
        return "must be a plain URL without user, query or fragment"
    if url.endswith("/"):
        return "must not end with a slash, because AWS compares every byte of it"
    if is_sandbox and parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS:
        return ""
    if parts.scheme != "https" or parts.netloc != parts.hostname or not _is_public_host(parts.hostname):
        return "must be a public https URL in lower case and without a port, where AWS can fetch it"
    return ""


def _is_public_host(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".local", ".internal", ".test", ".invalid"))


def issuer_path(url: str) -> str:
    """The route prefix under which an issuer at `url` serves its documents: `""`, or `oidc/` for `https://x/oidc`."""
    path = unquote(urlsplit(url).path).strip("/")
    return f"{path}/" if path else ""
