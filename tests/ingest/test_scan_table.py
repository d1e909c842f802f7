"""Tables of images: dialects, prefixes of paths, and rows that contradict each other."""

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from ingest.options import IngestOptions
from ingest.scan.read_source import read_source
from ingest.scan.scan_tree import Scan
from shared.errors import SourceError

ROWS = [
    ("a/1.png", "fractured", "p1", "train"),
    ("a/2.png", "0", "p1", "train"),
    ("b/3.JPG", "Yes", "p2", "val"),
    ("b/4.png", "normal", "7", "val"),
]
COLUMNS = ["filename", "label", "patient", "split"]
Writer = Callable[[pl.DataFrame, Path], None]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for path, *_ in ROWS:
        (tmp_path / "images" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / path).write_bytes(path.encode())
    return tmp_path / "images"


def scan(root: Path, table: pl.DataFrame | None = None, **options: object) -> Scan:
    """Write a table beside the folder of images and scan it."""
    place = root.parent / "labels.csv"
    if table is not None:
        table.write_csv(place)
    values = {"layout": "table", "images": str(root), **options}
    return read_source(IngestOptions(str(place), **values))  # pyright: ignore[reportArgumentType]  # options of any type


def make(rows: list[tuple[str, ...]] = ROWS, columns: list[str] = COLUMNS) -> pl.DataFrame:
    return pl.DataFrame(rows, columns, orient="row")


def fields(scan: Scan) -> list[tuple[object, ...]]:
    return scan.views.select("view_id", "split", "label", "study_id").rows()


EXPECTED = [
    ("a/1.png", "train", 1, "p1/abnormal"),
    ("a/2.png", "train", 0, "p1/normal"),
    ("b/3.JPG", "valid", 1, "p2/abnormal"),
    ("b/4.png", "valid", 0, "7/normal"),
]


def test_a_row_becomes_a_view(images: Path) -> None:
    found = scan(images, make(), body_part="knee")
    assert fields(found) == EXPECTED
    assert found.views["body_part"].unique().to_list() == ["knee"]
    assert found.views["source_bytes"].to_list() == [7] * 4
    by_path = dict(found.views.select("view_id", "patient_id").rows())
    assert by_path["b/4.png"] == 7
    assert by_path["a/1.png"] == by_path["a/2.png"] != by_path["b/3.JPG"]
    assert found.layout.names_patients
    assert not found.num_ignored
    assert found.findings.is_empty()


def prefixed(prefix: str) -> Writer:
    def write(table: pl.DataFrame, path: Path) -> None:
        table.with_columns(pl.format(f"{prefix}{{}}", "filename")).write_csv(path)

    return write


def renamed(pattern: str, value: str) -> Writer:
    def write(table: pl.DataFrame, path: Path) -> None:
        table.with_columns(pl.col("filename").str.replace_all(pattern, value)).write_csv(path)

    return write


def encoded(encoding: str, separator: str = ",", line_end: str = "\r\n") -> Writer:
    def write(table: pl.DataFrame, path: Path) -> None:
        text = table.write_csv(separator=separator, quote_style="always")
        path.write_bytes(text.replace("\n", line_end).encode(encoding))

    return write


DIALECTS: dict[str, Writer] = {
    "semicolons": encoded("utf-8", ";"),
    "tabs": encoded("utf-8", "\t"),
    "UTF-8 with mark": encoded("utf-8-sig"),
    "carriage returns": encoded("utf-8", line_end="\r"),
    "UTF-16": encoded("utf-16", "\t"),
    "UTF-16 without mark": encoded("utf-16-le"),
    "Parquet": lambda table, path: table.write_parquet(path),
    "another top folder": prefixed("data/set/images/"),
    "absolute": prefixed("/home/someone/images/"),
    "Windows": prefixed("C:\\\\data\\\\"),
    "dot": prefixed("./"),
    "names": renamed(r"^.*/", ""),
    "no endings": renamed(r"\..*$", ""),
    "other endings and case": renamed(r"\..*$", ".PNG"),
    "backslashes": renamed("/", r"\\"),
    "index column": lambda table, path: table.with_row_index("").write_csv(path),
}


@pytest.mark.parametrize("writer", DIALECTS.values(), ids=DIALECTS)
def test_dialects_are_read(images: Path, writer: Writer) -> None:
    writer(make(), images.parent / "labels.csv")
    assert fields(scan(images)) == EXPECTED


def test_paths_below_the_folder_of_images(images: Path) -> None:
    make().write_csv(images.parent / "labels.csv")
    above = scan(images, images=str(images.parent))
    assert above.views["view_id"].to_list() == [f"images/{row[0]}" for row in ROWS]


def test_a_row_may_name_a_file_without_an_ending(images: Path) -> None:
    (images / "a" / "IM0001").touch()
    found = scan(images, make([*ROWS, ("IM0001", "0", "p3", "val")]))
    assert fields(found) == [*EXPECTED[:2], ("a/IM0001", "valid", 0, "p3/normal"), *EXPECTED[2:]]


def test_a_file_from_macos_is_found_by_a_row_with_composed_letters(images: Path) -> None:
    (images / "a" / "Hu\u0308fte.png").touch()
    found = scan(images, make([*ROWS, ("a/H\u00fcfte.png", "0", "p3", "val")]))
    assert len(fields(found)) == 5
    assert not found.num_ignored


def test_what_does_not_fit_is_counted_with_examples(images: Path) -> None:
    (images / "a" / "9.png").touch()
    (images / "a" / "9_mask.png").touch()
    (images / "a" / "notes.txt").touch()
    (images / "LICENSE").touch()
    more = [("a/8.png", "0", "p3", "train"), ("../secret/1.png", "0", "p3", "train")]
    found = scan(images, make([*ROWS, *more]))
    assert fields(found) == EXPECTED
    assert found.num_ignored == {
        "images without a row in the table: such as a/9.png": 1,
        "masks": 1,
        "other files": 1,
    }
    assert found.findings.rows() == [
        ("rows_without_file", "labels.csv", "2 rows, such as ../secret/1.png"),
        ("rows_outside_folder", "labels.csv", "1 row with .. in the path"),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("a/1.png", "normal", "p1", "train"), "contradictory_label"),
        (("a/1.png", "1", "p9", "train"), "contradictory_patient_id"),
        (("a/1.png", "1", "p1", "val"), "contradictory_split"),
    ],
)
def test_rows_that_contradict_each_other_reject_their_file(
    images: Path, row: tuple[str, ...], reason: str
) -> None:
    found = scan(images, make([*ROWS, row]))
    assert fields(found) == EXPECTED[1:]
    assert found.rejects.rows() == [
        ("a/1.png", reason.removesuffix("_id"), "rows of the table differ")
    ]
    assert found.findings["kind"].to_list() == ["file_in_several_rows"]


def test_a_repeated_row_is_read_once(images: Path) -> None:
    found = scan(images, make([*ROWS, ROWS[0]]))
    assert fields(found) == EXPECTED
    assert found.findings["detail"].to_list() == ["1 file, such as a/1.png"]


def test_unknown_labels_are_named_with_counts(images: Path) -> None:
    rows = [("a/1.png", "unsure", "p1", "train"), *ROWS[1:3], ("b/4.png", "", "p4", "val")]
    found = scan(images, make(rows))
    assert fields(found) == EXPECTED[1:3]
    (kind,) = found.num_ignored
    assert kind.startswith("rows with an unknown label (labels=")
    assert kind.endswith("'unsure' (1), '' (1)")
    assert found.num_ignored[kind] == 2
    with pytest.raises(SourceError, match=r"or labels=.* Received: label 'x' \(4\)$"):
        scan(images, make().with_columns(label=pl.lit("x")))
    words = "abnormal=unsure,yes normal=0"
    assert len(fields(scan(images, make(rows), labels=words))) == 3


def test_without_patients_each_image_is_one(
    images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = scan(images, make().drop("patient"))
    assert found.views["patient_id"].n_unique() == 4
    assert found.views["study_id"].equals(found.views["view_id"], check_names=False)
    assert not found.layout.names_patients
    assert "warning: the table has no column of patients" in capsys.readouterr().err
    by_pattern = scan(images, make().drop("patient"), patient="^[ab]")
    assert by_pattern.views["patient_id"].n_unique() == 2
    by_study = make().rename({"patient": "study"})
    assert scan(images, by_study).views["patient_id"].n_unique() == 3
    with pytest.raises(SourceError, match="1 row without a match, such as '7'"):
        scan(images, make(), patient="p([0-9])")


def test_a_study_has_one_patient_whatever_their_names_are_joined_to(images: Path) -> None:
    table = make().with_columns(
        patient=pl.Series(["a/b", "a", "a/b", "a"]), study=pl.Series(["c", "b/c", "c", "b/c"])
    )
    views = scan(images, table.with_columns(label=pl.lit("0"))).views
    assert views["patient_id"].n_unique() == views["study_id"].n_unique() == 2
    assert views.group_by("study_id").agg(pl.col("patient_id").n_unique())["patient_id"].max() == 1


def test_a_study_with_both_labels_is_two(images: Path) -> None:
    found = scan(images, make().with_columns(study=pl.lit("s")))
    studies = ["p1/s/abnormal", "p1/s/normal", "p2/s", "7/s"]
    assert found.views["study_id"].to_list() == studies


def test_splits(images: Path) -> None:
    three = make().with_columns(split=pl.Series(["train", "val", "test", "test"]))
    with pytest.raises(SourceError, match=r'splits="train=train,val valid=test"'):
        scan(images, three)
    found = scan(images, three, splits="train=train,val valid=test")
    assert found.views["split"].to_list() == ["train", "train", "valid", "valid"]
    assert scan(images, make(), splits="valid").views.height == 2
    folds = three.with_columns(split=pl.Series(["0", "1.0", "1", "4"]))
    found = scan(images, folds, splits="train=0,1 valid=4")
    assert found.views["split"].to_list() == ["train", "train", "train", "valid"]
    with pytest.raises(SourceError, match=r"column of the split .* or test_share=0\.2"):
        scan(images, make().drop("split"))
    assert scan(images, make().drop("split"), test_share=0.5).views["split"].n_unique() == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "which is empty or not a file"),
        (b"PK\x03\x04xyz", "an Excel workbook or zip file; export it as CSV"),
        (b"PAR1xyz", "Expected a table (CSV, TSV or Parquet)"),
        (b"path,label,split\n", "0 rows"),
        (b"path,label,split\nx.png,1,train\n", "with 4 images, and 1 row, such as x.png"),
        (b"path,split\na/1.png,train\n", "columns=label=NAME"),
        (b'path,label\n"a/1.png,1\n', "Received"),
        (bytes(range(256)) * 9, "Received"),
        (b"path,label,split\n" + b"x" * 100_000 + b",1,train\n", "1 row, such as xxx"),
    ],
)
def test_what_is_no_table_of_the_images_is_one_line(
    images: Path, content: bytes, said: str
) -> None:
    (images.parent / "labels.csv").write_bytes(content)
    with pytest.raises(SourceError, match=re.escape(said)) as error:
        scan(images)
    assert "\n" not in str(error.value)


def test_a_missing_table_or_folder_is_named(images: Path) -> None:
    with pytest.raises(SourceError, match=r"labels\.csv, which is empty or not a file"):
        scan(images)
    with pytest.raises(SourceError, match="Expected the folder of the images"):
        scan(images, make(), images=str(images / "none"))
    with pytest.raises(SourceError, match=r"layout=table for a table\. Received: .*labels\.csv"):
        read_source(IngestOptions(str(images.parent / "labels.csv")))
