"""Read object stores in TensorFlow through tensorflow-io, imported only when needed.

Its S3 client accepts truncated responses as complete, so every record must be verified. With
multipart downloads it also accepts a response that was cut off and sent again, and it retries an
unresponsive server four times as long. It caches up to 127 MiB of each open file in memory. Its
threads abort the process at exit, so a command that has loaded it skips the normal exit
(`shared.exit_status`).
"""

import os
import sys
from importlib import import_module

from shared.errors import UsageError
from shared.storage.object_store.connection import read_s3_settings

_SILENCE_TIMEOUT_MS = 10_000
_CONNECT_TIMEOUT_MS = 5_000


def load_object_stores() -> None:
    """Register `s3://` with TensorFlow, with the same environment settings as pyarrow.

    Raises:
        UsageError: the endpoint is not a URL, or the system is Windows.
    """
    if sys.platform == "win32":
        raise UsageError(
            "Expected cache= or reader=offset, because TensorFlow reads no object store on "
            "Windows. Received: neither"
        )
    settings = read_s3_settings()
    variables = {
        "AWS_REGION": settings.region,
        "S3_ENDPOINT": settings.endpoint,
        "S3_USE_HTTPS": str(int(settings.uses_tls)),
        "S3_VERIFY_SSL": str(int(settings.uses_tls)),
        "S3_DISABLE_MULTI_PART_DOWNLOAD": "1",
        "S3_REQUEST_TIMEOUT_MSEC": str(_SILENCE_TIMEOUT_MS),
        "S3_CONNECT_TIMEOUT_MSEC": str(_CONNECT_TIMEOUT_MS),
    }
    for name, value in variables.items():
        if value:
            # variables set by the user take precedence
            os.environ.setdefault(name, value)
    import_module("tensorflow_io")
