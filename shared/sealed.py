"""Sealed: bytes after their own digest, so that no change of a kept file goes unseen."""

import hashlib

_NUM_BYTES = hashlib.sha256().digest_size


def seal(data: bytes) -> bytes:
    """Return the bytes after their SHA-256 digest."""
    return hashlib.sha256(data).digest() + data


def unseal(sealed: bytes) -> bytes:
    """Return what was sealed.

    Raises:
        ValueError: it was changed since.
    """
    data = sealed[_NUM_BYTES:]
    if hashlib.sha256(data).digest() != sealed[:_NUM_BYTES]:
        raise ValueError("Expected bytes after their digest. Received: changed ones")
    return data
