"""Reads at an offset on systems without preadv, and locks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.storage.descriptors import lock, lock_folder
from tests.commands import PROJECT

ELSEWHERE = """
import os, sys
sys.platform = "darwin"
from shared.storage.descriptors import read_into
descriptor = os.open(sys.argv[1], os.O_RDONLY)
assert read_into is not getattr(os, "preadv", None)
first, second = bytearray(3), bytearray(4)
print(read_into(descriptor, (first, second), 1), first, second)
print(read_into(descriptor, (first, second), 8), first)
"""


def test_buffers_are_filled_in_order_on_macos(tmp_path: Path) -> None:
    (tmp_path / "shard").write_bytes(b"0123456789")
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path / "shard")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "7 bytearray(b'123') bytearray(b'4567')",
        # past the end only the bytes that there are
        "2 bytearray(b'893')",
    ]


def test_a_shared_lock_keeps_an_exclusive_one_out_until_it_is_closed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    first, second, third = (os.open(tmp_path / "file", os.O_RDONLY) for _ in range(3))
    lock(first, shared=True)
    lock(second, shared=True)
    with pytest.raises(BlockingIOError):
        lock(third)
    os.close(first)
    os.close(second)
    lock(third)
    os.close(third)


def test_a_folder_is_locked_once_and_a_file_is_no_folder(tmp_path: Path) -> None:
    descriptor = lock_folder(tmp_path)
    with pytest.raises(BlockingIOError):
        lock_folder(tmp_path)
    os.close(descriptor)
    os.close(lock_folder(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        lock_folder(tmp_path / "file")
