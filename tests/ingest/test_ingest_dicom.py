"""DICOM files in a tree: the pixels of prediction, and patients and studies of their own."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import BasicTextSRStorage, GrayscaleSoftcopyPresentationStateStorage

from shared.images.decode import decode_radiograph
from shared.images.preprocessing.prepare import prepare
from shared.images.spec import ImageSpec
from shared.lake.open import Lake, open_lake
from shared.lake.reader import ViewReader
from tests.commands import call
from tests.shared.images.dicom_files import make_dicom, write_dicom
from tests.shared.images.make_png import png
from trainer.inference.image_input import read_view

RAMP = np.linspace(0, 4095, 64 * 48).reshape(64, 48)
WORDS = ("layout=folders", "size=64", "workers=1")


def _dicom(seed: int, **more: Any) -> bytes:
    noise = np.random.default_rng(seed).uniform(0, 300, RAMP.shape)
    samples = np.minimum(RAMP + noise, 4095).astype(np.uint16)
    return write_dicom(make_dicom(samples, WindowCenter=2000, WindowWidth=3000, **more))


def _write(root: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    alice, bob = ({"PatientID": name, "StudyInstanceUID": f"1.2.{name}"} for name in "17")
    folder = "train/normal/batch"
    _write(
        root,
        {
            f"{folder}/a1.dcm": _dicom(1, **alice),
            f"{folder}/b1.DIC": _dicom(2, **bob),
            f"{folder}/next/1.2.840.7": _dicom(3, **alice),
            f"{folder}/IM3": _dicom(4, PatientID="1", StudyInstanceUID="1.9"),
            "valid/abnormal/IM4": _dicom(5, PatientID="carol", PatientName="Carol"),
            "valid/abnormal/IM5": _dicom(6, VOILUTFunction="SIGMOID", ShutterShape="CIRCULAR"),
            "valid/abnormal/grey.png": png((RAMP / 17).astype(np.uint8)),
            "valid/abnormal/report.dcm": _dicom(7, SOPClassUID=BasicTextSRStorage),
            "valid/abnormal/LICENSE": b"no image",
        },
    )
    return root


@pytest.fixture(scope="module")
def lake(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    place = tmp_path_factory.mktemp("lake") / "lake"
    result = call("mura-ingest", tree, f"lake={place}", "max_rejects=0", *WORDS)
    assert result.returncode == 0, result.stderr
    assert "1 ignored: other files" in result.stderr
    verified = call("mura-verify", f"lake={place}", f"source={tree}")
    assert verified.returncode == 0, verified.stderr
    return open_lake(place)


def test_a_lake_has_the_pixels_of_prediction(lake: Lake, tree: Path) -> None:
    assert lake.manifest.height == 7
    with ViewReader(lake, lake.manifest) as reader:
        stored = reader.read(np.arange(7))[..., 0]
    for image, view_id in zip(stored, lake.manifest["view_id"], strict=True):
        np.testing.assert_array_equal(read_view(tree / view_id, lake.image).pixels, image)
        grey = decode_radiograph((tree / view_id).read_bytes()).grey
        np.testing.assert_array_equal(prepare(grey, ImageSpec(64)), image)


def test_files_name_their_patients_and_studies(lake: Lake) -> None:
    views = {row["view_id"]: row for row in lake.manifest.iter_rows(named=True)}
    folder = "train/normal/batch"
    alice, bob, again, later = (
        views[f"{folder}/{name}"] for name in ("a1.dcm", "b1.DIC", "next/1.2.840.7", "IM3")
    )
    assert alice["study_id"] == again["study_id"]
    assert alice["study_id"] != bob["study_id"] != later["study_id"] != alice["study_id"]
    assert alice["patient_id"] == again["patient_id"] == later["patient_id"] != bob["patient_id"]
    # without a study or patient, a file stands for itself
    assert views["valid/abnormal/grey.png"]["study_id"] == "valid/abnormal/grey.png"
    text = lake.manifest.write_csv() + lake.findings.write_csv()
    assert not any(word in text for word in ("carol", "Carol", "1.2.1", "1.2.7"))


def test_notes_are_findings_and_reports_are_counted(lake: Lake) -> None:
    assert lake.findings.filter(kind="display")["path"].to_list() == ["valid/abnormal/IM5"]
    assert lake.rejects.select("path", "reason").rows() == [
        ("valid/abnormal/report.dcm", "no_image")
    ]


def test_a_tree_of_reports_only_has_no_radiographs(tmp_path: Path) -> None:
    states = (BasicTextSRStorage, GrayscaleSoftcopyPresentationStateStorage)
    folder = "train/normal"
    files = {f"{folder}/{n}.dcm": _dicom(n, SOPClassUID=kind) for n, kind in enumerate(states)}
    directory = get_testdata_file("DICOMDIR-empty.dcm", download=False)
    assert directory
    files[f"{folder}/DICOMDIR"] = Path(str(directory)).read_bytes()
    _write(tmp_path / "tree", files)
    result = call("mura-ingest", tmp_path / "tree", f"lake={tmp_path / 'lake'}", *WORDS)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "ingest: Expected radiographs. Received: 3 rejected files, such as "
        "train/normal/0.dcm: no_image, Basic Text SR Storage"
    )


def test_a_patient_of_both_splits_is_left_out_of_train(tmp_path: Path) -> None:
    _write(
        tmp_path / "tree",
        {
            "train/normal/1.dcm": _dicom(1, PatientID="1"),
            "train/normal/2.dcm": _dicom(2, PatientID="2"),
            "valid/normal/1.dcm": _dicom(3, PatientID="1"),
        },
    )
    place = tmp_path / "lake"
    assert call("mura-ingest", tmp_path / "tree", f"lake={place}", *WORDS).returncode == 0
    lake = open_lake(place)
    assert lake.manifest["view_id"].to_list() == ["train/normal/2.dcm", "valid/normal/1.dcm"]
    assert lake.findings["kind"].to_list() == ["patient_in_both_splits"]
    assert call("mura-verify", f"lake={place}").returncode == 0


def _means(root: Path, depths: dict[str, int], *words: str) -> tuple[pl.DataFrame, Lake]:
    files = {
        f"{split}/normal/{name}.png": png((ramp / 4095 * (2**bits - 1)).astype(np.uint16), 0, 16)
        for split, ramp in (("train", RAMP), ("valid", RAMP[::-1]))
        for name, bits in depths.items()
    }
    files["train/normal/eight.png"] = png((RAMP / 16).astype(np.uint8))
    _write(root / "tree", files)
    result = call("mura-ingest", root / "tree", f"lake={root / 'lake'}", *WORDS, *words)
    assert result.returncode == 0, result.stderr
    lake = open_lake(root / "lake")
    return lake.manifest.select("view_id", "mean"), lake


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_the_depth_of_16_bit_files_is_found_for_the_set(tmp_path: Path, bits: int) -> None:
    means, lake = _means(tmp_path, {"a": bits})
    assert lake.image.depth == str(bits)
    expected = (RAMP * (255 / 4095)).mean() * 48 / 64
    assert (means["mean"] - expected).abs().max() < 2  # pyright: ignore[reportOperatorIssue]  # no null
    assert call("mura-verify", f"lake={lake.store}", f"source={tmp_path / 'tree'}").returncode == 0
    view = read_view(tmp_path / "tree/train/normal/a.png", lake.image)
    assert abs(float(view.pixels.mean()) - expected) < 2
    again = call("mura-ingest", tmp_path / "tree", f"lake={lake.store}", *WORDS)
    assert open_lake(lake.store).digest == lake.digest
    assert "is replaced" not in again.stderr


def test_an_8_bit_set_records_no_depth(tmp_path: Path) -> None:
    _, lake = _means(tmp_path, {})
    assert "depth" not in lake.image.to_json()


def test_files_of_fewer_bits_than_the_set_are_never_dark(tmp_path: Path) -> None:
    _, lake = _means(tmp_path, {"a": 16, "b": 12})
    assert lake.rejects["reason"].unique().to_list() == ["unscaled_16_bit"]
    means, _ = _means(tmp_path, {"a": 16, "b": 12}, "depth=file")
    assert means["mean"].max() - means["mean"].min() < 2  # pyright: ignore[reportOperatorIssue]  # no null
    _, lake = _means(tmp_path, {"a": 16, "b": 12}, "depth=12")
    assert lake.rejects["reason"].unique().to_list() == ["beyond_depth"]
    assert lake.image.to_json()["depth"] == "12"
