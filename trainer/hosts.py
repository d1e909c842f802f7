"""Checks on loopback addresses and on the Host header of HTTP requests."""

import ipaddress
import socket
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Return whether an address is reachable from this machine only."""
    address = _to_ip(host)
    return address.is_loopback if address else host.lower() == "localhost"


def host_name(host_header: str) -> str:
    """Return the lower-case name or address in a Host header; empty if it is malformed."""
    try:
        parts = urlsplit(f"//{host_header}")
        # reading the port validates it
        is_plain = parts.port is None or parts.netloc == host_header
        return (parts.hostname or "") if is_plain and "@" not in host_header else ""
    except ValueError:
        return ""


def is_own_name(name: str, listening_on: str) -> bool:
    """Return whether a request may use a host name for this server."""
    # against DNS rebinding: a foreign page that points its own DNS name to this machine sends that
    # name; IP addresses and the machine's own names cannot be rebound
    if is_loopback(listening_on):
        return is_loopback(name)
    own = {listening_on.lower(), socket.gethostname().lower(), "localhost"}
    return name in own or _to_ip(name) is not None


def _to_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
