"""Object-store connections, configured by the standard environment variables."""

import os
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

from shared.errors import UsageError
from shared.storage.object_store.errors import explain

_CONNECT_TIMEOUT_S = 5
# a request that receives no data for this long is cancelled and retried
_SILENCE_TIMEOUT_S = 10
_MAX_ATTEMPTS = 5
_RETRY_LIMIT_S = 20


@dataclass(frozen=True)
class S3Settings:
    """S3 settings; `host` is empty for Amazon S3, `region` if it is not set."""

    host: str
    uses_tls: bool
    region: str

    @property
    def endpoint(self) -> str:
        """URL of the server; empty for Amazon S3."""
        return self.host and f"{'https' if self.uses_tls else 'http'}://{self.host}"


def read_s3_settings() -> S3Settings:
    """Read the S3 settings from the environment; a UsageError if the endpoint is not a URL."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    url = _split_endpoint("AWS_ENDPOINT_URL", endpoint)
    return S3Settings(url.netloc, url.scheme != "http", region)


def _split_endpoint(name: str, value: str) -> SplitResult:
    # pyarrow would ignore a path or query
    url = urlsplit(value)
    is_server = url.scheme in ("http", "https") and url.netloc and not url.path.strip("/")
    if value and not (is_server and not url.query):
        raise UsageError(f"Expected a URL such as http://localhost:9000. Received: {name}={value}")
    return url


def connect(scheme: str, bucket: str) -> Any:
    """Return the pyarrow filesystem of a bucket, cached per process.

    Raises:
        StoreError: the object store cannot be reached.
        UsageError: the environment lacks a required setting.
    """
    if scheme == "s3":
        return _connect_s3(bucket, read_s3_settings())
    return _connect_google() if scheme == "gs" else _connect_azure()


@cache
def _connect_google() -> Any:
    from pyarrow import fs

    host = os.environ.get("STORAGE_EMULATOR_HOST", "")
    # Google's libraries accept the host with and without a scheme
    url = host if "://" in host or not host else f"http://{host}"
    emulator = _split_endpoint("STORAGE_EMULATOR_HOST", url)
    return fs.GcsFileSystem(
        anonymous=bool(emulator.netloc),
        endpoint_override=emulator.netloc or None,
        scheme=emulator.scheme or "https",
        retry_time_limit=timedelta(seconds=_RETRY_LIMIT_S),
    )


@cache
def _connect_azure() -> Any:
    from pyarrow import fs

    name = os.environ.get("AZURE_STORAGE_ACCOUNT_NAME")
    key = os.environ.get("AZURE_STORAGE_ACCOUNT_KEY")
    token = os.environ.get("AZURE_STORAGE_SAS_TOKEN")
    # without explicit credentials, pyarrow searches for others and aborts the process if there are
    # none
    if not (name and (key or token)):
        raise UsageError(
            "Expected AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or "
            "AZURE_STORAGE_SAS_TOKEN, in the environment. Received: none"
        )
    return fs.AzureFileSystem(name, account_key=key, sas_token=token)


@cache
def _connect_s3(bucket: str, settings: S3Settings) -> Any:
    # pyarrow.fs is slow to import, and a lake in a folder does not need it
    from pyarrow import fs

    if settings.host:
        # by default the SDK appends a checksum in chunks without a content length, which rclone's
        # server refuses (HTTP status 411); signatures and sizes still verify the transfer
        os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    region = settings.region
    if not region and not settings.host:
        with explain("find the region of", f"s3://{bucket}"):
            region = fs.resolve_s3_region(bucket)
    make: Any = fs.S3FileSystem  # pyarrow's stubs lack an argument
    return make(
        region=region or None,
        endpoint_override=settings.host or None,
        scheme="https" if settings.uses_tls else "http",
        connect_timeout=_CONNECT_TIMEOUT_S,
        request_timeout=_SILENCE_TIMEOUT_S,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_MAX_ATTEMPTS),
        # a small file takes one request, and write errors are raised by close
        allow_delayed_open=True,
        background_writes=True,
        check_directory_existence_before_creation=True,
    )
