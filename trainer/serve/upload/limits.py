"""Limits of the server, and the error for a request beyond them."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException

MEGABYTE = 1024 * 1024
# maximum number of views of the largest size in one request
_NUM_FULL_SIZE_VIEWS = 4


@dataclass(frozen=True)
class Limits:
    """The maximum load and durations that the server accepts.

    Attributes:
        studies: studies being received, waiting or in prediction at the same time.
        header_s: seconds from the connection to the end of the request header.
        idle_s: seconds without a byte of the body.
    """

    max_views: int
    view_bytes: int
    studies: int = 4
    connections: int = 64
    header_s: float = 10
    idle_s: float = 10
    body_s: float = 60
    connection_s: float = 600
    decode_s: float = 30

    @property
    def request_bytes(self) -> int:
        """Maximum bytes of the body of one request."""
        return self.view_bytes * min(self.max_views, _NUM_FULL_SIZE_VIEWS) + MEGABYTE


class Refusal(HTTPException):
    """The refusal of a request, with a status, a message and headers."""
