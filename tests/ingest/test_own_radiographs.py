"""Sets as they are published: the commands of the page run, and errors name options that work."""

import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from ingest.options import IngestOptions
from ingest.scan.read_source import read_source
from ingest.sources.suggest import suggest
from shared.command_line import parse
from shared.errors import SourceError, UsageError
from shared.lake.open import open_lake
from shared.storage.local import Folder
from tests.commands import PROJECT, call

PAGE = (PROJECT / "docs" / "own-radiographs.md").read_text()
COMMANDS = re.findall(r"^just ingest (.*)$", PAGE, re.MULTILINE)
MURA = "data/MURA-v1.1/{split}/XR_WRIST/patient{n}/study1{sign}/image1.png"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with the sets of the page."""
    home = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(0)
    rows: list[tuple[str, str, str]] = []
    for n in range(1, 9):
        bad = n % 2
        split = "train" if n < 5 else "valid"
        three = ("train", "val", "test")[n % 3]
        sign = "_positive" if bad else "_negative"
        paths = [
            f"data/bones/{split}/{('Not fractured', 'Fractured')[bad]}/{n}.jpg",
            f"data/three/{three}/{('intact', 'broken')[bad]}/{n}.PNG",
            f"data/unsplit/{('normal', 'abnormal')[bad]}/p{n}/image.jpeg",
            f"data/parts/XR_KNEE/{split}/{bad}/{n}/image.png",
            MURA.format(split=split, n=n, sign=sign if n > 2 else ""),
            f"data/set/images/{n}.png",
        ]
        for path in paths:
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 255, (20, 24), dtype=np.uint8)
            assert cv2.imwrite(str(home / path), pixels)
        rows.append((f"{n}.png", ("unauffällig", "Fraktur")[bad], f"P{n}"))
    table = pl.DataFrame(rows, ["Bild", "Befund", "Fall"], orient="row")
    table.write_csv(home / "data/set/table.tsv", separator="\t")
    usual = pl.DataFrame({"image": table["Bild"], "fractured": [1.0, 0.0] * 4})
    usual.with_columns(split=pl.Series(["train", "test"]).gather([0, 0, 1, 1] * 2)).write_csv(
        home / "data/set/labels.csv"
    )
    labels = "".join(f"XR_WRIST/patient0{n}/study1,{n % 2}\n" for n in (1, 2, 3))
    (home / "corrections.csv").write_text(labels + "XR_WRIST/patient4/study1_negative,1\n")
    return home


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_page_find_every_image(
    command: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    views = read_source(parse(IngestOptions, shlex.split(command), "ingest")).views
    assert views.height == 8
    assert views.select("split", "label").n_unique() == 4


@pytest.mark.parametrize("command", [COMMANDS[2], COMMANDS[4]], ids=["drawn", "table"])
def test_commands_of_the_page_make_lakes(
    command: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(home))
    words = [*shlex.split(command), f"lake={tmp_path / 'lake'}", "size=16", "workers=1"]
    made = call("mura-ingest", *words)
    assert made.returncode == 0, made.stderr
    assert open_lake(tmp_path / "lake").manifest.height == 8
    verified = call("mura-verify", f"lake={tmp_path / 'lake'}")
    assert verified.returncode == 0, verified.stderr
    assert "not verified: split" in verified.stdout


def test_the_commands_of_the_page_are_found() -> None:
    assert len(COMMANDS) == 7
    assert {"folders", "table"} == set(re.findall(r"layout=(\w+)", "\n".join(COMMANDS)))


TREES = {
    "train_val_test": (
        ["train/fractured", "val/fractured", "test/not fractured"],
        'layout=folders splits="train=train,val valid=test"',
    ),
    "labels": (["train/Fractured", "val/Non_fractured"], "layout=folders"),
    "no_split": (["normal", "abnormal"], "layout=folders test_share=0.2"),
    "deeper": (["a/Train/0", "a/Test/1"], "layout=folders levels=*/split/label"),
    "parts": (["Knee/train/0", "Hip/test/1"], "layout=folders levels=part/split/label"),
    "mura": (["a/train/XR_HAND/patient1/study1"], "layout=mura"),
    "unknown": (
        ["train/good", "test/bad"],
        'layout=folders labels="abnormal=NAMES normal=NAMES" with the names bad, good',
    ),
    "nothing": (["one"], ""),
}


@pytest.mark.parametrize(("folders", "expected"), TREES.values(), ids=TREES)
def test_errors_name_options_that_work(folders: list[str], expected: str, tmp_path: Path) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        for name in "ab":
            (tmp_path / folder / f"{name}.JPG").write_bytes(folder.encode())
    assert suggest(Folder(tmp_path)) == expected
    with pytest.raises(SourceError) as error:
        read_source(IngestOptions(str(tmp_path)))
    if not expected or expected == "layout=mura":
        return
    assert f", or the options {expected}. Received: " in str(error.value)
    words = expected.replace("NAMES", "bad", 1).replace("NAMES", "good").partition(" with ")[0]
    options = parse(IngestOptions, [str(tmp_path), *shlex.split(words)], "ingest")
    assert read_source(options).views.height == 2 * len(folders)


def test_levels(tmp_path: Path) -> None:
    for path in ("knee/train/p1/s1/1/a.png", "XR_HIP/val/p1/s2/0/b.png", "3rd/val/p1/s1/0/c.png"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(path.encode())
    options = {"layout": "folders", "levels": "part/split/patient/study/label"}
    scan = read_source(IngestOptions(str(tmp_path), **options))  # pyright: ignore[reportArgumentType]  # options of any type
    assert scan.views.select("body_part", "split", "label", "study_id").rows() == [
        ("hip", "valid", 0, "valid/hip/normal/p1/s2"),
        ("knee", "train", 1, "train/knee/abnormal/p1/s1"),
    ]
    assert scan.views["patient_id"].n_unique() == 1
    assert scan.num_ignored == {"images in folders whose name cannot be a body part: 3rd": 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("levels=split", "Expected levels with label"),
        ("levels=split/label/split", "each at most once"),
        ("levels=split/label/view", "split, part, label, patient, study"),
        ("levels=label", "Expected split in levels, or test_share=0.2"),
        ("levels=part/split/label body_part=knee", "body_part only without part"),
        ("body_part=Knee", "lower-case letters"),
        ("test_share=1", "0 or more, below 1"),
        ("test_share=0.2 splits=valid", "splits=all with test_share"),
        ("seed=1", "only with test_share"),
        ("images=a", "only with layout=table"),
        ("columns=path=a", "only with layout=table"),
        ("label_from=index", "only with layout=mura"),
    ],
)
def test_options_that_do_not_fit_are_refused(words: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)) as error:
        parse(IngestOptions, ["root", "layout=folders", *words.split()], "ingest")
    assert "Received: " in str(error.value)
    with pytest.raises(UsageError):
        parse(IngestOptions, ["root", "splits=train=a valid=b"], "ingest")
