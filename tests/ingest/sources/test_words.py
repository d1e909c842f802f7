"""Words for labels, splits and parts: usual ones, own ones, and refusals."""

import pytest

from ingest.sources.columns import find_columns, parse_columns
from ingest.sources.words import Words, number_of, plain, read_identifier, read_part
from shared.errors import SourceError, UsageError


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Non_fractured", "non fractured"),
        (" 'Yes' ", "yes"),
        ("1.0", "1"),
        ("0.50", "0.50"),
        ("unauffa\u0308llig", "unauff\u00e4llig"),
    ],
)
def test_a_plain_word(text: str, word: str) -> None:
    assert plain(text) == word


def test_own_words_replace_the_usual_ones() -> None:
    words = Words.parse("abnormal=Broken bone,2 normal=fine", "train=train,val valid=test")
    assert words.labels == {"broken bone": 1, "2": 1, "fine": 0}
    assert words.splits == {"train": "train", "val": "train", "test": "valid"}
    recorded = words.to_json()
    assert Words.parse(recorded["labels"], recorded["splits"]) == words
    assert Words.parse("", "").to_json() == {}


@pytest.mark.parametrize(
    ("labels", "splits"),
    [
        ("abnormal=1", ""),
        ("abnormal=1 normal=1", ""),
        ("abnormal=1, normal=0", ""),
        ("abnormal normal=0", ""),
        ("broken=1 normal=0", ""),
        ("", "train=a test=b"),
        ("", "a=train"),
    ],
)
def test_words_that_decide_nothing_are_refused(labels: str, splits: str) -> None:
    with pytest.raises(UsageError, match=f"Received: .*{labels or splits}$"):
        Words.parse(labels, splits)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("XR_WRIST", "wrist"),
        ("Lower leg", "lower_leg"),
        ("c-spine", "c_spine"),
        ("épaule", None),
        ("all", None),
        ("3rd", None),
        ("", None),
    ],
)
def test_a_part(text: str, part: str | None) -> None:
    assert read_part(text) == part


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("12.0", "12"),
        (" A1 ", "A1"),
        ('""', None),
        ("NA", None),
        ("nan", None),
        ("Na", "Na"),
        ("Mu\u0308ller", "M\u00fcller"),
    ],
)
def test_an_identifier(text: str, name: str | None) -> None:
    assert read_identifier(text) == name


def test_a_patient_is_the_same_however_the_letters_are_composed() -> None:
    assert number_of("Mu\u0308ller") == number_of("M\u00fcller") != number_of("Muller")


def test_columns_have_usual_names() -> None:
    names = ["", "Image_ID", "PatientID", "fractured", "Body Part", "Split", "file name"]
    assert find_columns(names, {}, "a.csv") == {
        "path": "file name",
        "label": "fractured",
        "patient": "PatientID",
        "part": "Body Part",
        "split": "Split",
    }
    assert find_columns(names, {"path": "Image_ID"}, "a.csv")["path"] == "Image_ID"


@pytest.mark.parametrize(
    ("names", "given", "said"),
    [
        (["path"], {}, r"column of the label, by columns=label=NAME. .*with the columns path$"),
        (["path", "label"], {"patient": "pid"}, "Received: columns=patient=pid, a.csv with"),
    ],
)
def test_a_missing_column_is_named(names: list[str], given: dict[str, str], said: str) -> None:
    with pytest.raises(SourceError, match=said):
        find_columns(names, given, "a.csv")


@pytest.mark.parametrize("text", ["path", "path=", "colour=x", "path=a,path=b", ","])
def test_columns_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="Expected columns like path=filename"):
        parse_columns(text)
