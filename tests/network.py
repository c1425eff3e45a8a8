"""A guard that lets tests reach this machine alone; it sees every socket of the process, whoever opens it."""

import ipaddress
import socket
import sys
from typing import Any

__all__ = ["OutsideNetworkError", "install"]

_WITH_ADDRESS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_WITH_NAME = {"socket.getaddrinfo", "socket.gethostbyname"}


class OutsideNetworkError(RuntimeError):
    """A test tried to leave this machine; let it talk to a server that it starts on 127.0.0.1 itself."""


def install() -> None:
    """Watch the whole process from now on; an audit hook can't be taken away again."""
    sys.addaudithook(_watch)


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _WITH_ADDRESS:
        connection, address = arguments[0], arguments[1]
        if connection.family in {socket.AF_INET, socket.AF_INET6} and address is not None:
            _check(address[0])
    elif event in _WITH_NAME:
        _check(arguments[0])


def _check(host: str | bytes | None) -> None:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name and name not in {"localhost", socket.gethostname()} and not _is_here(name):
        raise OutsideNetworkError(f"a test reached for {name}")


def _is_here(name: str) -> bool:
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
