"""Where Vertesia answers. Pure.

Hosts: client.ts and profiles/index.ts of https://github.com/vertesia/composableai, and `servers` of its OpenAPI
document, which calls `us1` the global endpoint. An organization lives at one site, and its API keys are known there.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from environments.issuer.address import LOOPBACK_HOSTS


class UnknownSite(ValueError):
    """There is no such site; the message names those there are."""


@dataclass(frozen=True)
class Site:
    """A site's two addresses, neither with a slash at its end: `api_root` for the API, `token_service` for tokens.

    The token service is where tokens are asked for. Who signs them is read from a token, never from here.
    """

    name: str
    api_root: str
    token_service: str


GLOBAL = Site("global", "https://api.vertesia.io/api/v1", "https://sts.vertesia.io")
SITES = (
    GLOBAL,
    *(
        Site(region, f"https://api.{region}.vertesia.io/api/v1", f"https://sts.{region}.vertesia.io")
        for region in ("us1", "eu1", "jp1")
    ),
)


def find_site(name: str) -> Site:
    """The site of that name. Raises UnknownSite."""
    for site in SITES:
        if site.name == name:
            return site
    raise UnknownSite(f"Vertesia has the sites {', '.join(site.name for site in SITES)}; {name!r} is none of them.")


def local_site(api_url: str, sts_url: str) -> Site:
    """The sandbox's Vertesia: its API root, `/api/v1` included, and its token service, both on this machine.

    Raises UnknownSite where one of the two is not plain http on a loopback host with a port.
    """
    return Site("sandbox", _require_loopback(api_url), _require_loopback(sts_url))


def _require_loopback(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_local = parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS and bool(parts.port)
    except ValueError:
        is_local = False
    if not is_local or "@" in url or "?" in url or "#" in url or not url.isascii() or not url.isprintable():
        raise UnknownSite("A local Vertesia is reached by plain http on this machine, as in http://127.0.0.1:8091.")
    return url.rstrip("/")
