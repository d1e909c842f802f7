"""What a decoder does to its process is the fault of that one file."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.errors import ImageError, WorkerError
from shared.processes.limited_process import LimitedProcesses


@pytest.fixture(scope="module")
def processes() -> Iterator[LimitedProcesses]:
    started = LimitedProcesses("tests.shared.processes.bad_decoders:decode", limit_s=2)
    yield started
    started.close()


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        (b"crash", "undecodable"),
        (b"abort", "undecodable"),
        (b"hang", "too_slow"),
        (b"eat", "too_large"),
        (b"refuse", "corrupt"),
        (b"write", "undecodable"),
    ],
)
def test_the_next_file_is_decoded_all_the_same(
    processes: LimitedProcesses, does: bytes, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    started_s = time.monotonic()
    with pytest.raises(ImageError) as refusal:
        processes.decode(does)
    assert refusal.value.reason == reason
    radiograph = processes.decode(b"speak")
    assert bytes(radiograph.grey) == b"speak"
    assert (radiograph.width_px, radiograph.notes, radiograph.study) == (5, ("a note",), "1.2")
    assert time.monotonic() - started_s < 30
    assert capfd.readouterr() == ("", "")


def test_threads_have_processes_of_their_own(processes: LimitedProcesses) -> None:
    files = [os.urandom(100_000) for _ in range(40)]
    with ThreadPoolExecutor(3) as pool:
        decoded = list(pool.map(processes.decode, files))
    assert [bytes(each.grey) for each in decoded] == files
    pid = int.from_bytes(bytes(processes.decode(b"pid").grey), "big")
    assert pid != os.getpid()
    processes.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_decoder_that_cannot_be_imported_is_no_fault_of_the_file() -> None:
    with pytest.raises(WorkerError, match="ended with status 1 before any file"):
        LimitedProcesses("tests.shared.no_such_module:decode").decode(b"a file")
