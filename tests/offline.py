"""Keeps tests off the network: this process may reach the loopback address and nothing else."""

import ipaddress
import socket
import sys
from typing import Any

OUTSIDE = "Tests may reach the loopback address only, not {}."


class OutsideNetwork(RuntimeError):
    """A test tried to reach another machine."""


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, is this machine."""
    if host in ("", "localhost", "localhost.localdomain", "ip6-localhost", socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def refuse_outside(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook, see https://docs.python.org/3/library/audit_events.html. Other names do not resolve."""
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and not is_loopback(str(address[0])):
            raise OutsideNetwork(OUTSIDE.format(address[0]))
    elif event == "socket.getaddrinfo" and arguments[0]:
        host = arguments[0].decode() if isinstance(arguments[0], bytes) else str(arguments[0])
        if not is_loopback(host) and not is_address(host):
            raise socket.gaierror(socket.EAI_NONAME, OUTSIDE.format(host))


def is_address(host: str) -> bool:
    """Whether `host` is an address, whose look-up asks nobody."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def stay_offline() -> None:
    """From here on, for the rest of this process: audit hooks cannot be removed."""
    sys.addaudithook(refuse_outside)
