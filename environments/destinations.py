"""Where this console may fetch from, of all that a person or a setting can name. Pure.

Only https to the public internet, so that nobody reaches a private network through the console; to a private network
too where the operator's own configuration names the address. The one waiver is the sandbox's: plain http on a loopback
host, with a port.
"""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from environments.issuer.address import LOOPBACK_HOSTS

_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
"""A name or an address. Resolvers take more, and a host is repeated in sentences and commands."""
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""RFC 6052: an IPv4 address as networks that have IPv6 only see it."""
_PRIVATE = tuple(ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
"""RFC 1918 and RFC 4193. Not the shared 100.64.0.0/10, where Alibaba Cloud has its metadata service."""
_METADATA = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16",  # Azure
        "fd00:ec2::/32",  # AWS: instance metadata, EKS Pod Identity, name and time servers
        "fd20:ce::254",  # Google Cloud
        "fd00:c1::a9fe:a9fe",  # Oracle Cloud
        "192.0.0.192",  # Oracle Cloud, its older one, which older releases of Python call global
        "fd00:100::100:200",  # Alibaba Cloud
        "fd00:a9fe:a9fe::1",  # Akamai
        "fd00:42::42",  # Scaleway
    )
)
"""What clouds offer to their machines alone, at global and unique local addresses; the rest is link-local or shared."""


class Place(StrEnum):
    """What an address is one of, in the words of a sentence."""

    INTERNET = "the public internet"
    PRIVATE_NETWORK = "a private network"
    THIS_MACHINE = "this machine"


class DestinationRefused(ValueError):
    """Nothing is fetched from there; the message is a sentence that says why, without path or query."""


@dataclass(frozen=True)
class Destination:
    """A URL that may be fetched, taken apart. `authority` is host and port as written, `target` path and query.

    `places`: where its host may be found.
    """

    host: str
    port: int
    authority: str
    target: str
    is_secure: bool
    places: tuple[Place, ...]

    def may_be_at(self, address: str) -> bool:
        """Whether the host may have this address."""
        return place_of(address) in self.places


def read_destination(url: str, *, allow_loopback: bool, allow_private: bool = False) -> Destination:
    """What `url` names. Where its host leads to is still to be checked. Raises DestinationRefused.

    `allow_loopback` is the sandbox's waiver. `allow_private`: the operator named the address, so it may be one of a
    private network too, or, in the sandbox, of this machine; never that of a metadata service.
    """
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
    if not _HOST.fullmatch(host):
        raise DestinationRefused("The address holds a sign that no host name has.")
    if "@" in parts.netloc or "#" in url:
        raise DestinationRefused("The address must hold no user, password or fragment.")
    is_waived = allow_loopback and parts.scheme == "http" and host in LOOPBACK_HOSTS and port is not None
    if parts.scheme != "https" and not is_waived:
        raise DestinationRefused(f"{host} can be reached by https only: the address must begin with https://.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    places = (
        (Place.THIS_MACHINE,)
        if is_waived
        else _places_by_https(allow_loopback=allow_loopback, allow_private=allow_private)
    )
    return Destination(host, port or 443, parts.netloc, target, is_secure=not is_waived, places=places)


def _places_by_https(*, allow_loopback: bool, allow_private: bool) -> tuple[Place, ...]:
    if not allow_private:
        return (Place.INTERNET,)
    own = (Place.PRIVATE_NETWORK, Place.THIS_MACHINE) if allow_loopback else (Place.PRIVATE_NETWORK,)
    return (Place.INTERNET, *own)


def place_of(address: str) -> Place | None:
    """Where this address is. None: nowhere to fetch from, as link-local, shared, metadata and multicast addresses.

    An IPv4 address inside an IPv6 one is judged itself; the abandoned tunnels 6to4 and Teredo are nowhere.
    """
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        if found in _NAT64:
            inner = place_of(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
            # RFC 6052, 3.1: never an address that is not global.
            return inner if inner == Place.INTERNET else None
        found = found.ipv4_mapped or found
    if any(found in network for network in _METADATA):
        return None
    if found.is_loopback:
        return Place.THIS_MACHINE
    if any(found in network for network in _PRIVATE):
        return Place.PRIVATE_NETWORK
    if isinstance(found, ipaddress.IPv6Address) and (
        found not in _GLOBAL_UNICAST or found.sixtofour is not None or found.teredo is not None
    ):
        return None
    return Place.INTERNET if found.is_global and not found.is_multicast else None
