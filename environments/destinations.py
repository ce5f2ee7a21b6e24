"""Where this console may fetch from, of all that a person or a setting can name. Pure.

Only https to the public internet, so that nobody reaches a private network through the console. The one waiver is the
sandbox's: plain http on a loopback host, with a port.
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from environments.issuer.address import LOOPBACK_HOSTS

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""RFC 6052: an IPv4 address as networks that have IPv6 only see it."""
_METADATA = frozenset({"168.63.129.16"})
"""Azure's, the one metadata service at a global address; all others are link-local, shared or unique local."""


class DestinationRefused(ValueError):
    """Nothing is fetched from there; the message is a sentence that says why, without path or query."""


@dataclass(frozen=True)
class Destination:
    """A URL that may be fetched, taken apart. `authority` is host and port as written, `target` path and query."""

    host: str
    port: int
    authority: str
    target: str
    is_secure: bool

    def may_be_at(self, address: str) -> bool:
        """Whether the host may have this address: a public one, or a loopback one under the waiver."""
        return is_public_address(address) if self.is_secure else ipaddress.ip_address(address).is_loopback


def read_destination(url: str, *, allow_loopback: bool) -> Destination:
    """What `url` names. Where its host leads to is still to be checked. Raises DestinationRefused."""
    # urlsplit drops tabs and line ends without a word; programs disagree on what a backslash means.
    if not url.isascii() or any(character <= " " or character in "\\\x7f" for character in url):
        raise DestinationRefused("The address holds a blank, a backslash or a character that a URL cannot hold.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise DestinationRefused("The address is not a URL.") from error
    if not host or port == 0:
        raise DestinationRefused("The address names no host, or port 0.")
    if "@" in parts.netloc or "#" in url:
        raise DestinationRefused("The address must hold no user, password or fragment.")
    is_waived = allow_loopback and parts.scheme == "http" and host in LOOPBACK_HOSTS and port is not None
    if parts.scheme != "https" and not is_waived:
        raise DestinationRefused(f"{host} can be reached by https only: the address must begin with https://.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(host, port or 443, parts.netloc, target, is_secure=not is_waived)


def is_public_address(address: str) -> bool:
    """Whether this is the public internet: not private, loopback, link-local, shared, metadata or multicast.

    An IPv4 address inside an IPv6 one is judged itself; the abandoned tunnels 6to4 and Teredo are refused.
    """
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif found in _NAT64:
            found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        elif found not in _GLOBAL_UNICAST or found.sixtofour is not None or found.teredo is not None:
            return False
    return found.is_global and not found.is_multicast and str(found) not in _METADATA
