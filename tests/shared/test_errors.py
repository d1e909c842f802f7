"""The error classes: worker processes and cluster nodes send errors as pickles."""

import pickle
from collections.abc import Iterator

import pytest

from ingest.sources.layout import UnknownLayoutError
from shared.errors import ImageError, MuraLakeError
from shared.storage.walk import ChangedFileError


def _subclasses(base: type[Exception]) -> Iterator[type[Exception]]:
    for each in base.__subclasses__():
        yield each
        yield from _subclasses(each)


_ERRORS = [
    ImageError("truncated", "the file ends at byte 7"),
    ChangedFileError(7),
    UnknownLayoutError("1", "2"),
    *(
        each("Expected 1. Received: 2")
        for each in _subclasses(MuraLakeError)
        if each not in (ImageError, UnknownLayoutError)
    ),
]


@pytest.mark.parametrize("error", _ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_the_message_of_an_image_error_is_its_reason_and_detail() -> None:
    assert str(ImageError("truncated", "no end")) == "truncated: no end"
