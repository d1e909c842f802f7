"""20,000 damaged DICOM files of all transfer syntaxes, with the time and memory of each.

    just bench tests/benchmarks/test_dicom_fuzz.py

Prints the number of files by outcome, the slowest file and the largest increase in memory. A file
that ends the process of the decoder counts as `ended`: ingest and prediction refuse it.
"""

import json
import multiprocessing
import os
import random
import resource
import time
from collections import Counter
from typing import Any

import pytest

from shared.errors import ImageError
from shared.images.dicom.decode import decode_dicom
from tests.shared.images.test_dicom_fuzz import BASES, bases, mutate

NUM_FILES, MOST_S, MOST_MB, LIMIT_BYTES = 20_000, 5, 1_000, 4 * 1024**3


def _decode(start: int, results: Any) -> None:
    """Decode files from number `start` on, and send the outcome of each."""
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    for number in range(start, NUM_FILES):
        name = BASES[number % len(BASES)]
        encoded = mutate(bases()[name], random.Random(f"{name} {number}"))
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started_s = time.process_time()
        try:
            decode_dicom(encoded)
            outcome = "a picture"
        except ImageError as error:
            outcome = error.reason
        except MemoryError:
            outcome = "too_large"
        taken_s = time.process_time() - started_s
        taken_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
        results.send(json.dumps([outcome, taken_s, taken_kb / 1024]))


@pytest.mark.benchmark
@pytest.mark.timeout(3_600)
def test_damaged_files_are_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    bases()
    context = multiprocessing.get_context("fork")
    found: list[tuple[str, float, float]] = []
    while len(found) < NUM_FILES:
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(target=_decode, args=(len(found), sending))
        process.start()
        sending.close()
        try:
            while len(found) < NUM_FILES:
                found.append(tuple(json.loads(receiving.recv())))
        except EOFError:
            found.append(("ended", 0, 0))
        process.join()
    outcomes = Counter(outcome for outcome, _, _ in found)
    slowest_s = max(float(each[1]) for each in found)
    largest_mb = max(float(each[2]) for each in found)
    with capsys.disabled():
        print(f"\n{dict(outcomes.most_common())}, slowest {slowest_s:.2f} s, {largest_mb:.0f} MB")
    assert outcomes["a picture"] > NUM_FILES / 10
    assert outcomes["ended"] < NUM_FILES / 1_000
    assert slowest_s < MOST_S
    assert largest_mb < MOST_MB
