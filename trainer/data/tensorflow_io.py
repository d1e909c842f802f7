"""Object stores, as TensorFlow reads them: tensorflow-io, imported only where it is needed.

Its S3 client takes a body that ends too early for whole, so what it gives must be checked; when it
downloads in parts, also one that was cut and sent again, and it tries four times as long what does
not answer. It keeps in memory what it has fetched of an open file, 127 MiB at most. At exit its
threads abort the process, so a command that has loaded it ends without that
(`shared.command_line.run`).
"""

import os
from importlib import import_module

from shared.storage.object_store import read_s3_settings

_SILENCE_TIMEOUT_MS = 10_000
_CONNECT_TIMEOUT_MS = 5_000


def load_object_stores() -> None:
    """Teach TensorFlow `s3://`, with the settings that pyarrow takes from the environment.

    Raises:
        UsageError: the endpoint is no URL.
    """
    settings = read_s3_settings()
    wanted = {
        "AWS_REGION": settings.region,
        "S3_ENDPOINT": settings.endpoint,
        "S3_USE_HTTPS": str(int(settings.uses_tls)),
        "S3_VERIFY_SSL": str(int(settings.uses_tls)),
        "S3_DISABLE_MULTI_PART_DOWNLOAD": "1",
        "S3_REQUEST_TIMEOUT_MSEC": str(_SILENCE_TIMEOUT_MS),
        "S3_CONNECT_TIMEOUT_MSEC": str(_CONNECT_TIMEOUT_MS),
    }
    for name, value in wanted.items():
        if value:
            os.environ.setdefault(name, value)
    import_module("tensorflow_io")
