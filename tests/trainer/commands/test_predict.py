"""Prediction as a user runs it: the lake's own preparation, every view answered or named."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from pydicom.uid import BasicTextSRStorage
from scipy.special import expit, logit

from shared.console import show_table
from shared.errors import SourceError
from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from tests.commands import PROJECT, SCRIPTS, call, run
from tests.shared.images.dicom_files import make_dicom, write_dicom
from tests.shared.images.test_dicom_bounds import HOSTILE
from tests.trainer.slow_tensorflow import delay_tensorflow, python_path
from trainer.inference.image_input import read_view
from trainer.predict.find_views import find_views
from trainer.predict.output_formats import PRINTERS, Predictions
from trainer.runs.saved.open import open_saved_run


def test_a_tree_gets_the_probabilities_of_the_lake(
    trained_run: Path, phantom_tree: Path, tmp_path: Path
) -> None:
    valid = phantom_tree / "valid" / "XR_WRIST"
    maps = tmp_path / "maps"
    words = (valid, f"run={trained_run}", "format=json", f"explain={maps}")
    result = call("mura-predict", *words)
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    answers = pl.DataFrame(said["views"]).select(
        "probability",
        "calibrated_probability",
        view_id=pl.col("path").str.strip_prefix(f"{phantom_tree}/"),
    )
    tested = open_saved_run(str(trained_run)).scored.filter(role="test")
    both = answers.join(tested, on="view_id", suffix="_lake")
    assert both.height == tested.height == answers.height > 0
    for name in ("probability", "calibrated_probability"):
        assert np.abs(both[name] - both[f"{name}_lake"]).to_numpy().max() < 1e-6

    for study in said["studies"]:
        own = np.array([v["probability"] for v in said["views"] if v["study"] == study["study"]])
        assert study["num_views"] == len(own)
        assert study["probability"] == pytest.approx(expit(np.mean(logit(own))))
        expected = "abnormal" if study["probability"] >= study["threshold"] else "normal"
        assert study["decision"] == expected

    pictures = list(maps.rglob("*.png"))
    assert len(pictures) == answers.height
    shown = cv2.imread(str(pictures[0]))
    assert shown is not None
    assert shown.shape == (64, 2 * 64 + 4, 3)


def test_pixels_are_those_of_the_lake(lake: Lake, phantom_tree: Path) -> None:
    views = lake.manifest.sample(20, seed=1)
    with ViewReader(lake, views) as reader:
        stored = reader.read(np.arange(20))[..., 0]
    for image, view_id in zip(stored, views["view_id"], strict=True):
        np.testing.assert_array_equal(read_view(phantom_tree / view_id, lake.image).pixels, image)


def test_what_cannot_be_read_is_named_and_the_rest_is_answered(
    trained_run: Path, phantom_tree: Path, tmp_path: Path
) -> None:
    good = next((phantom_tree / "valid").rglob("*.png"))
    shutil.copy(good, tmp_path / "good.png")
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:200])
    result = call("mura-predict", tmp_path, f"run={trained_run}", "format=csv")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("predict: Expected 2 readable views")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["level"] for row in rows] == ["view", "view", "study"]
    assert {Path(row["path"]).name: row["error"][:9] for row in rows[:2]} == {
        "good.png": "",
        "cut.png": "truncated",
    }
    assert rows[2]["num_views"] == "1"


NUMBERS = ("probability", "calibrated_probability", "low", "high", "threshold")
PREDICTION = dict.fromkeys((*NUMBERS, "calibrated_threshold"), pl.Float64) | {"decision": pl.String}
VIEWS = pl.DataFrame(
    schema={"path": pl.String, "study": pl.String, "note": pl.String, **PREDICTION}
    | {"distance_percentile": pl.Float64, "unlike": pl.Boolean}
)
STUDIES = pl.DataFrame(schema={"study": pl.String, "num_views": pl.Int64, **PREDICTION})
ODD_NAMES = {
    b"Aufnahme_\xe4.png": r"Aufnahme_\xe4.png",
    b"a\x1b[2J\r\n.png": r"a\x1b[2J\r\n.png",
    b"=HYPERLINK(1),2.png": "=HYPERLINK(1),2.png",
}


def test_names_of_any_bytes_and_files_that_break_a_parser_end_nothing(
    trained_run: Path, phantom_tree: Path, tmp_path: Path
) -> None:
    good = next((phantom_tree / "valid").rglob("*.png")).read_bytes()
    folder = tmp_path / os.fsdecode(b"study\xff")
    folder.mkdir()
    for name in ODD_NAMES:
        (folder / os.fsdecode(name)).write_bytes(good)
    for name, (make, _) in HOSTILE.items():
        if name in ("nested 3,000 deep", "a number of three bytes", "deflated, damaged"):
            (folder / name).write_bytes(make())
    maps = tmp_path / "maps"
    words = (folder, f"run={trained_run}", "format=csv", f"explain={maps}")
    result = run("mura-predict", *words, is_warm=True)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("predict: Expected 6 readable views")
    assert "Traceback" not in result.stderr
    assert result.stdout.replace("\n", "").isprintable()
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    predicted = [
        Path(row["path"]).name for row in rows if row["level"] == "view" and row["decision"]
    ]
    assert sorted(predicted) == sorted(ODD_NAMES.values())
    assert [row["num_views"] for row in rows if row["level"] == "study"] == ["3"]
    assert {path.name for path in maps.rglob("*.png")} == {
        os.fsdecode(name) + ".png" for name in ODD_NAMES
    }


@pytest.mark.parametrize("kind", PRINTERS)
def test_every_format_prints_any_name(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ODD_NAMES:
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    found = find_views(["*.png"])
    assert all(file.read_bytes() == b"x" for file in found.files)
    unread = found.table.with_columns(reason=pl.lit("corrupt"), detail=pl.lit("as told"))
    PRINTERS[kind](Predictions("run", VIEWS, STUDIES, unread))
    said = capsys.readouterr().out
    assert said.replace("\n", "").isprintable()
    shown = ["./" * name.startswith("=") + name for name in ODD_NAMES.values()]
    if kind == "csv":
        assert sorted(row["path"] for row in csv.DictReader(io.StringIO(said))) == sorted(shown)
    elif kind == "json":
        assert sorted(view["path"] for view in json.loads(said)["unread"]) == sorted(shown)
    else:
        assert all(name in said for name in shown)


def test_two_names_that_look_alike_are_told_apart(tmp_path: Path) -> None:
    for name in (b"\xe4.png", rb"\xe4.png"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    found = find_views([str(tmp_path)])
    assert len(found.files) == found.table["path"].n_unique() == 2
    assert found.table["study"].n_unique() == 1


def test_links_are_followed_once_and_other_files_are_counted(tmp_path: Path) -> None:
    for name in ("study/a.png", "study/b.txt", "study/c.TXT", "study/LICENSE", "study/.hidden.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "study/again").symlink_to(tmp_path / "study")
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "d.dic").write_bytes(b"x")
    (tmp_path / "study/link").symlink_to(other)
    found = find_views([str(tmp_path / "study")])
    names = [os.path.relpath(file, tmp_path) for file in found.files]
    assert names == ["study/a.png", "study/link/d.dic"]
    assert found.left_out == {".txt": 2, "without suffix": 1, "hidden": 1}


def test_dicom_files_make_studies_and_reports_are_left_out(
    trained_run: Path, tmp_path: Path
) -> None:
    ramp = np.linspace(0, 4095, 64 * 48).reshape(64, 48)
    studies = {"a/1.dcm": "1.2.1", "a/2.dcm": "1.2.2", "b/3.dcm": "1.2.1"}
    for name, study in studies.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        samples = np.roll(ramp, len(study) + int(name[2]), axis=1).astype(np.uint16)
        window = {"WindowCenter": 60_000, "WindowWidth": 1}
        dataset = make_dicom(samples, StudyInstanceUID=study, **window)
        (tmp_path / name).write_bytes(write_dicom(dataset))
    report = make_dicom(ramp.astype(np.uint16), SOPClassUID=BasicTextSRStorage)
    (tmp_path / "a/report.dcm").write_bytes(write_dicom(report))
    result = call("mura-predict", tmp_path, f"run={trained_run}", "format=json")
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    assert {row["study"]: row["num_views"] for row in said["studies"]} == {"1.2.1": 2, "1.2.2": 1}
    assert said["unread"] == []
    assert all("the window is not applied" in view["note"] for view in said["views"])
    assert "left out: 1 Basic Text SR Storage" in result.stderr
    assert "(3, such as" in result.stderr

    for path in (tmp_path / "a/1.dcm", tmp_path / "a/2.dcm"):
        path.unlink()
    result = call("mura-predict", tmp_path / "a", f"run={trained_run}", "format=json")
    assert result.returncode == 1
    assert json.loads(result.stdout)["views"] == []
    assert "left out: 1 Basic Text SR Storage" in result.stderr
    assert result.stderr.splitlines()[-1].endswith("Received: 1 DICOM file without an image")


def test_a_table_names_every_file_and_keeps_its_columns_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    name = "/data/MURA-v1.1/valid/XR_WRIST/patient11185/study1_positive/im[red]age[/x] 1\n.png"
    header = ("view", "probability", "threshold", "similar, abnormal", "decision", "percentile")
    row = (name, "0.123", "0.500", "0.09 to 0.32", "abnormal", "99.8 unlike")
    show_table("views", header, [row])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "   ".join(row[3:5]) in lines[5]
    first_column = "".join(line[: lines[3].index("probability")].strip() for line in lines[5:])
    shown = name.replace("\n", "\\n")
    assert first_column.replace(" ", "") == shown.replace(" ", "")


def test_paths_globs_and_folders_name_views_once(tmp_path: Path) -> None:
    dicoms = ("b/IM0", "b/1.2.840.1")
    for name in (*dicoms, "a/1.png", "a/2.JPG", "b/3.dcm", "b/notes.txt", "b/._3.dcm", "b/TXT"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(128) + b"DICM" if name in dicoms else b"x")
    (tmp_path / "b/gone.png").symlink_to(tmp_path / "nowhere")
    names = [os.path.relpath(path, tmp_path) for path in find_views([str(tmp_path)]).files]
    assert names == ["a/1.png", "a/2.JPG", "b/1.2.840.1", "b/3.dcm", "b/IM0", "b/gone.png"]
    relative = os.path.relpath(tmp_path / "a/2.JPG")
    found = find_views([f"{tmp_path}/a/*", f"{tmp_path}/a/1.png", relative])
    assert found.table["study"].to_list() == [f"{tmp_path}/a"] * 2
    assert len(find_views([f"{tmp_path}/b/notes.txt"]).files) == 1
    with pytest.raises(SourceError, match=r"Received: .*/c, which matches no file"):
        find_views([f"{tmp_path}/c"])


def test_predictions_are_printed_before_tensorflow_starts(
    trained_run: Path, phantom_tree: Path, tmp_path: Path
) -> None:
    view = next((phantom_tree / "valid").rglob("*.png"))
    gate, maps = delay_tensorflow(tmp_path), tmp_path / "maps"
    process = subprocess.Popen(
        [SCRIPTS / "mura-predict", view, f"run={trained_run}", f"explain={maps}", "format=csv"],
        env={**os.environ, "PYTHONPATH": python_path(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        printed = [process.stdout.readline() for _ in range(3)]
        assert [row["level"] for row in csv.DictReader(printed)] == ["view", "study"]
        assert list(maps.iterdir()) == []
        gate.touch()
    assert process.returncode == 0
    assert [path.name for path in maps.iterdir()] == [f"{view.name}.png"]


PREDICT = """
import sys
from trainer.commands.dispatch import dispatch

dispatch(["predict", *sys.argv[1:]])
slow = {"tensorflow", "keras", "scipy", "matplotlib", "sklearn", "pydicom"}
print(sorted(slow & set(sys.modules)))
"""


def test_predictions_need_no_slow_imports(trained_run: Path, phantom_tree: Path) -> None:
    words = [str(phantom_tree / "valid" / "XR_WRIST"), f"run={trained_run}"]
    command = [sys.executable, "-c", PREDICT, *words]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=100)
    assert (result.stdout.splitlines()[-1], result.stderr) == ("[]", "")
