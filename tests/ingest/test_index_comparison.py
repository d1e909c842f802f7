"""Index files as they circulate: what is easy to read is read, and anything else costs no view."""

import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.scan.index_comparison import compare_with_index
from ingest.scan.scan_tree import scan_tree
from ingest.sources.mura import MuraLayout
from shared.lake.open import open_lake
from tests.ingest.processes import ingest, run_through
from tests.ingest.test_strange_trees import without_privilege

Writer = Callable[[list[str]], str | bytes]

PATHS, STUDIES = "train_image_paths.csv", "train_labeled_studies.csv"
LABELS = {
    "train/XR_HAND/patient00003/study1_positive": 1,
    "train/XR_WRIST/patient00003/study2_negative": 0,
    "train/XR_WRIST/patient00004/study1_negative": 0,
}
VIEWS = [f"{study}/image{number}.png" for study in LABELS for number in (1, 2)]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for view in VIEWS:
        (tmp_path / view).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / view).write_bytes(b"12345")
    return tmp_path


def compare(tree: Path) -> dict[str, dict[str, str]]:
    """Return the detail of each finding, by kind and path."""
    found: dict[str, dict[str, str]] = {}
    for kind, path, detail in compare_with_index(scan_tree(tree, MuraLayout())).iter_rows():
        found.setdefault(kind, {})[path] = detail
    return found


def write(tree: Path, writer: Writer, labels: tuple[str, str] = ("0", "1")) -> None:
    """Write both index files of train, MURA's lines put through `writer`."""
    paths = [f"MURA-v1.1/{view}" for view in VIEWS]
    studies = [f"MURA-v1.1/{study}/,{labels[label]}" for study, label in LABELS.items()]
    for name, lines in ((PATHS, paths), (STUDIES, studies)):
        written = writer(lines)
        (tree / name).write_bytes(written if isinstance(written, bytes) else written.encode())


def plain(lines: list[str]) -> str:
    return "\n".join(lines)


def quoted(lines: list[str]) -> str:
    return "\n".join('"' + line.replace(",", '","') + '"' for line in lines)


def numbered(lines: list[str]) -> str:
    return "\n".join([",path,label", *(f"{index},{line}" for index, line in enumerate(lines))])


DIALECTS: dict[str, Writer] = {
    "plain": plain,
    "quoted": quoted,
    "single quotes": lambda lines: quoted(lines).replace('"', "'"),
    "semicolons": lambda lines: plain(lines).replace(",", ";"),
    "tabs": lambda lines: plain(lines).replace(",", "\t"),
    "spaces": lambda lines: plain(lines).replace(",", " , "),
    "backslashes": lambda lines: plain(lines).replace("/", "\\"),
    "doubled slashes": lambda lines: plain(lines).replace("/", "//"),
    "index column": numbered,
    "another top folder": lambda lines: plain(lines).replace("MURA-v1.1/", "D:\\train\\MURA/"),
    "more columns": lambda lines: plain([f"{line},x,y" for line in lines]),
    "CR": lambda lines: "\r".join(lines),
    "UTF-8 with mark": lambda lines: plain(lines).encode("utf-8-sig"),
    "UTF-16": lambda lines: numbered(lines).encode("utf-16"),
    "UTF-16 without mark": lambda lines: plain(lines).encode("utf-16-le"),
    "UTF-16, other bytes first": lambda lines: plain(lines).encode("utf-16-be"),
    "UTF-32": lambda lines: plain(lines).encode("utf-32"),
}


@pytest.mark.parametrize("writer", DIALECTS.values(), ids=DIALECTS)
def test_dialects_are_read(tree: Path, writer: Writer) -> None:
    write(tree, writer)
    assert not compare(tree)
    # the same, of a tree with one view less, and one with another label
    (tree / VIEWS[0]).unlink()
    renamed = tree / "train/XR_WRIST/patient00003/study2_positive"
    renamed.with_name("study2_negative").rename(renamed)
    found = compare(tree)
    assert VIEWS[0] in found.pop("not_in_tree")
    assert renamed.relative_to(tree).as_posix() in found.pop("not_in_index")
    assert not found


@pytest.mark.parametrize(
    "labels",
    [
        ("0.0", "1.0"),
        ("negative", "Positive"),
        ("NORMAL", "abnormal"),
        ("'0'", '"1"'),
        ("0", "1e0"),
    ],
    ids=" ".join,
)
def test_labels_are_read_and_held_against_the_folder(tree: Path, labels: tuple[str, str]) -> None:
    write(tree, plain, labels)
    assert not compare(tree)
    write(tree, plain, (labels[1], labels[0]))
    assert compare(tree) == {
        "label_conflict": dict.fromkeys(LABELS, "index file and folder differ in label")
    }


@pytest.mark.parametrize("label", ["", "maybe", "2", "-1", "nan", "0.5", "0x1"])
def test_a_label_that_cannot_be_read_contradicts_nothing(tree: Path, label: str) -> None:
    write(tree, plain, (label, "1"))
    found = compare(tree)
    detail = found["index_label_unreadable"][STUDIES]
    said = f"2 of 3 labels other than 0 or 1, such as {label!r} of train/XR_WRIST/"
    assert detail.startswith(said)
    assert found == {"index_label_unreadable": {STUDIES: detail}}


UNUSABLE: dict[str, tuple[Writer, str]] = {
    "gzip": (lambda lines: gzip.compress(plain(lines).encode()), "compressed (gzip)"),
    "empty": (lambda _: "", "it is empty"),
    "zeros": (lambda _: bytes(100_000), "of the tree in 1 line"),
    "zeros between": (lambda lines: plain(lines).replace("/", "\0"), "names no view or study"),
    "of another tree": (lambda lines: plain(lines).replace("patient", "p"), "names no view"),
    "no CSV": (lambda _: os.urandom(50_000), "names no view"),
    "one long line": (lambda _: "train/" + "x" * 10_000_000, "of the tree in 1 line"),
}


@pytest.mark.parametrize(("writer", "said"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_of_which_nothing_fits_is_one_finding(tree: Path, writer: Writer, said: str) -> None:
    write(tree, writer)
    found = compare(tree)
    unusable = found.pop("index_unusable")
    assert not found
    assert set(unusable) == {PATHS, STUDIES}
    for detail in unusable.values():
        assert said in detail
        assert len(detail) < 600


def test_what_an_index_says_is_shown_short_and_without_control_characters(tree: Path) -> None:
    def lengthened(lines: list[str]) -> str:
        more = ["train/XR_HAND/" + "x" * 5_000, "train/XR_HAND/\x1b[2J", "train/XR_HAND/\x9b2J"]
        return plain([*lines, *more, "train/XR_HAND/" + "y" * 500 + "," + "z" * 500])

    write(tree, lengthened)
    found = compare(tree)
    assert set(found["not_in_tree"]) == {"train/XR_HAND/" + "y" * 500}
    assert len(found["index_label_unreadable"][STUDIES]) < 300


def test_what_is_no_regular_file_is_one_finding(tree: Path) -> None:
    (tree / PATHS).mkdir()
    os.mkfifo(tree / STUDIES)
    (tree / "valid_image_paths.csv").symlink_to("/dev/zero")
    (tree / "valid_labeled_studies.csv").touch()
    os.truncate(tree / "valid_labeled_studies.csv", 2**40)
    unusable = compare(tree)["index_unusable"]
    assert [unusable.pop(name) for name in (PATHS, STUDIES, "valid_image_paths.csv")] == [
        "it is not a regular file"
    ] * 3
    assert "1,099,511,627,776 bytes" in unusable.pop("valid_labeled_studies.csv")
    assert not unusable


def test_no_index_file_costs_a_view(own_tree: Path, tmp_path: Path) -> None:
    studies = {path.parent.relative_to(own_tree).as_posix() for path in own_tree.rglob("*.png")}
    for split in ("train", "valid"):
        (own_tree / f"{split}_image_paths.csv").write_bytes(gzip.compress(b"train/"))
        lines = [f"MURA-v1.1/{study}/,benign\n" for study in studies if study.startswith(split)]
        (own_tree / f"{split}_labeled_studies.csv").write_text("".join(lines))
    (own_tree / PATHS).chmod(0)
    words = ("size=32", "duplicates=drop", "workers=2")
    made = run_through(
        without_privilege(), "mura-ingest", own_tree, f"lake={tmp_path / 'lake'}", *words
    )
    assert made.returncode == 0, made.stderr
    lake = open_lake(tmp_path / "lake")
    assert lake.rejects.is_empty()
    assert lake.manifest.height == len(list(own_tree.rglob("*.png")))
    assert dict(lake.findings.select("path", "kind").iter_rows()) == {
        f"{split}_{name}.csv": kind
        for split in ("train", "valid")
        for name, kind in (
            ("image_paths", "index_unusable"),
            ("labeled_studies", "index_label_unreadable"),
        )
    }
    assert "Permission denied" in lake.findings.filter(path=PATHS)["detail"][0]
    shutil.rmtree(tmp_path / "lake")
    assert ingest(own_tree, tmp_path / "lake", "duplicates=fail").returncode == 0
