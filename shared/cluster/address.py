"""Checks on the address of a Ray cluster."""

import re
import socket
from typing import Literal

from shared.errors import ClusterError, UsageError

Engine = Literal["local", "ray"]

_CONNECT_S = 5.0
_HOST_AND_PORT = re.compile(r"(?:ray://)?(?P<host>[^/:]+|\[[^]/]+\]):(?P<port>\d{1,5})")


def check_cluster(engine: Engine, address: str) -> None:
    """Check the options that select the executor; an empty address starts a cluster on this host.

    Raises:
        UsageError: the address is malformed, or given without engine=ray.
    """
    if address and engine != "ray":
        raise UsageError(
            f"Expected address only with engine=ray. Received: engine={engine} address={address}"
        )
    if address not in ("", "auto") and not _HOST_AND_PORT.fullmatch(address):
        raise UsageError(
            f"Expected auto, host:port or ray://host:port. Received: address={address}"
        )


def check_reachable(address: str) -> None:
    """Raise a ClusterError if no server listens at an address."""
    # Ray itself would wait for minutes
    match = _HOST_AND_PORT.fullmatch(address)
    if not match:
        return
    try:
        endpoint = match["host"].strip("[]"), int(match["port"])
        socket.create_connection(endpoint, _CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            f"Expected a Ray cluster at the address. Received: address={address}, {error}"
        ) from None
