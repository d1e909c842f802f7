"""20,000 damaged DICOM files of all transfer syntaxes, in processes as in ingest and prediction.

    just bench tests/benchmarks/test_dicom_fuzz.py

Prints the number of files by outcome, the slowest file and the largest process.
"""

import random
import resource
import time
from collections import Counter

import pytest

from shared.errors import ImageError
from shared.processes.limited_process import LimitedProcesses
from tests.shared.images.test_dicom_fuzz import BASES, bases, mutate

NUM_FILES, MOST_S, MOST_MB = 20_000, 10, 1_500


@pytest.mark.benchmark
@pytest.mark.timeout(3_600)
def test_damaged_files_are_bounded(capfd: pytest.CaptureFixture[str]) -> None:
    processes = LimitedProcesses("shared.images.decode:decode_radiograph")
    outcomes: Counter[str] = Counter()
    slowest_s = 0.0
    for number in range(NUM_FILES):
        name = BASES[number % len(BASES)]
        encoded = mutate(bases()[name], random.Random(f"{name} {number}"))
        started_s = time.monotonic()
        try:
            processes.decode(encoded)
        except ImageError as error:
            ended = "the decoder ended" in error.detail
            outcomes[f"{error.reason}{', ended' if ended else ''}"] += 1
        else:
            outcomes["a picture"] += 1
        slowest_s = max(slowest_s, time.monotonic() - started_s)
    processes.close()
    largest_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    assert capfd.readouterr() == ("", "")
    with capfd.disabled():
        print(f"\n{dict(outcomes.most_common())}, slowest {slowest_s:.1f} s, {largest_mb:.0f} MB")
    assert sum(outcomes.values()) == NUM_FILES
    assert outcomes["a picture"] > NUM_FILES / 10
    assert slowest_s < MOST_S
    assert largest_mb < MOST_MB
