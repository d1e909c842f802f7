"""Address: which cluster is meant, and whether anything listens there."""

import re
import socket
from typing import Literal

from shared.errors import ClusterError, UsageError

Engine = Literal["local", "ray"]

_CONNECT_S = 5.0
_HOST_AND_PORT = re.compile(r"(?:ray://)?(?P<host>[^/:]+|\[[^]/]+\]):(?P<port>\d{1,5})")


def check_cluster(engine: Engine, address: str) -> None:
    """Check the options that say where tasks are done.

    Args:
        engine: whether a cluster is asked for.
        address: `auto`, `host:port` or `ray://host:port`; empty for one that is started here.

    Raises:
        UsageError: the address is none, or is not asked for.
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
    """Return if something listens at an address, which Ray would wait for minutes to find out.

    Raises:
        ClusterError: nothing does.
    """
    match = _HOST_AND_PORT.fullmatch(address)
    if not match:
        return
    try:
        place = match["host"].strip("[]"), int(match["port"])
        socket.create_connection(place, _CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            f"Expected a Ray cluster to listen there. Received: address={address}, {error}"
        ) from None
