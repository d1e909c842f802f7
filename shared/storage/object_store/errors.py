"""One-line errors of object stores."""

import re
from collections.abc import Generator
from contextlib import contextmanager

from shared.errors import StoreError

_MESSAGE_CHARS = 300

_AWS_ERROR = re.compile(
    r"AWS Error (?P<code>\w+)(?: \(HTTP status (?P<status>\d+)\))? during (?P<operation>\w+)"
)
_DETAIL = re.compile(r"; Details: (?P<detail>.*)")
_CREDENTIALS = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and their permissions"
_REMEDIES = {
    "ACCESS_DENIED": _CREDENTIALS,
    "INVALID_ACCESS_KEY_ID": _CREDENTIALS,
    "SIGNATURE_DOES_NOT_MATCH": _CREDENTIALS,
    "INVALID_CLIENT_TOKEN_ID": _CREDENTIALS,
    "NO_SUCH_BUCKET": "create the bucket first",
    "NETWORK_CONNECTION": "check AWS_ENDPOINT_URL and the network",
}
_OTHER_REMEDY = "finished work is kept; run again"


@contextmanager
def explain(verb: str, where: str) -> Generator[None, None, None]:
    """Convert any OSError of the block except FileNotFoundError into a one-line StoreError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreError(f"Expected to {verb} {where}. Received: {_describe(error)}") from None


def _describe(error: OSError) -> str:
    message = " ".join(str(error).split())
    found = _AWS_ERROR.search(message)
    if "access token" in message:
        return "no credentials; check GOOGLE_APPLICATION_CREDENTIALS"
    if not found:
        return message[:_MESSAGE_CHARS]
    detail = _DETAIL.search(message)
    status = f" (status {found['status']})" if found["status"] else ""
    return (
        f"{found['code'].lower()}{status} in {found['operation']}"
        f"{': ' + detail['detail'] if detail else ''}; "
        f"{_REMEDIES.get(found['code'], _OTHER_REMEDY)}"
    )
