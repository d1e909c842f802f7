"""Comparison of displayed DICOM files with DCMTK, if its tools are installed.

    just bench tests/benchmarks/test_dicom_dcmtk.py

Both read the same file, with one window: that of the file, or the range of its values.
"""

import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels.processing import apply_modality_lut

from shared.errors import ImageError
from shared.images.decode import decode_radiograph
from tests.shared.images.dicom_files import make_dicom, write_dicom

TOOLS = [tool for tool in ("dcmj2pnm", "dcml2pnm") if shutil.which(tool)]
NAMES = (
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_expb.dcm",
    "MR_small_RLE.dcm",
    "MR_small_padded.dcm",
    "MR_truncated.dcm",
    "JPGExtended.dcm",
    "JPEG-lossy.dcm",
    "JPGLosslessP14SV1_1s_1f_8b.dcm",
    "image_dfl.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "examples_overlay.dcm",
)
"""Greyscale pictures in pydicom's package."""


RAMP = np.linspace(0, 4095, 64 * 48).reshape(64, 48).astype(np.uint16)
WINDOW = {"WindowCenter": 2000, "WindowWidth": 3000}
SYNTHETIC: dict[str, dict[str, Any]] = {
    "window": WINDOW,
    "two windows": {"WindowCenter": [2000, 100], "WindowWidth": [3000, 50]},
    "LINEAR_EXACT": {"VOILUTFunction": "LINEAR_EXACT", **WINDOW},
    "SIGMOID": {"VOILUTFunction": "SIGMOID", **WINDOW},
    "width 1": {"WindowCenter": 2000, "WindowWidth": 1},
    "rescaling": {"RescaleSlope": -2, "RescaleIntercept": 6000, **WINDOW},
    "MONOCHROME1": {"PhotometricInterpretation": "MONOCHROME1", **WINDOW},
    "inverse shape": {"PresentationLUTShape": "INVERSE", **WINDOW},
    "three frames": {"NumberOfFrames": 3, "PixelData": RAMP.tobytes() * 3, **WINDOW},
}


def show_by_dcmtk(path: Path, folder: Path) -> Any:
    """Return the picture by DCMTK, uint8 (height, width), or None if it cannot read the file."""
    shown = folder / "shown.pgm"
    for tool in TOOLS:
        shown.unlink(missing_ok=True)
        command = [tool, "--use-window", "1", "--write-raw-pnm", path, shown]
        subprocess.run(command, capture_output=True, timeout=60)
        if shown.exists():
            return cv2.imread(str(shown), cv2.IMREAD_UNCHANGED)
    return None


def give_window(path: Path, folder: Path) -> Path:
    """Return a copy of a file with a linear window, where it has neither window nor table."""
    dataset: Any = pydicom.dcmread(path, force=True)
    if dataset.get("WindowCenter") in (None, "") and not dataset.get("VOILUTSequence"):
        values = apply_modality_lut(dataset.pixel_array, dataset)
        low, high = float(np.min(values)), float(np.max(values))
        dataset.WindowCenter, dataset.WindowWidth = (low + high + 1) / 2, high - low + 1
    changed = folder / "changed.dcm"
    pydicom.dcmwrite(changed, dataset, enforce_file_format=False)
    return changed


def difference(path: Path, folder: Path) -> float | str:
    """Return the mean difference in grey levels, outside padding, or the reason for none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            changed = give_window(path, folder)
        except Exception as error:
            return f"not prepared: {type(error).__name__}"
    try:
        grey = decode_radiograph(changed.read_bytes()).grey
    except ImageError as error:
        return str(error)
    theirs = show_by_dcmtk(changed, folder)
    if theirs is None or theirs.shape != grey.shape:
        return "not shown by DCMTK"
    return float(np.abs(grey.astype(int) - theirs)[grey > 0].mean())


@pytest.mark.benchmark
@pytest.mark.skipif(not TOOLS, reason="DCMTK is not installed")
def test_pictures_are_those_of_dcmtk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found: dict[str, float | str] = {}
    for name in NAMES:
        path = get_testdata_file(name, download=False)
        if path:
            found[name] = difference(Path(str(path)), tmp_path)
    for name, more in SYNTHETIC.items():
        path = tmp_path / "synthetic.dcm"
        path.write_bytes(write_dicom(make_dicom(RAMP, **more)))
        found[name] = difference(path, tmp_path)
    with capsys.disabled():
        print(*(f"\n{name}: {value}" for name, value in found.items()))
    numbers = {name: value for name, value in found.items() if isinstance(value, float)}
    assert len(numbers) >= 8 + len(SYNTHETIC)
    assert max(numbers.values()) < 1, numbers


@pytest.mark.benchmark
@pytest.mark.skipif(not TOOLS, reason="DCMTK is not installed")
def test_dcmtk_shows_no_window_of_a_width_below_1(tmp_path: Path) -> None:
    # it applies C.11.2.1.2, by which LINEAR needs a width of 1, to all functions, and rounds
    # rescaled values to integers
    path = tmp_path / "narrow.dcm"
    for function in ("LINEAR", "LINEAR_EXACT"):
        narrow = {"RescaleSlope": "0.0001", "RescaleIntercept": 0}
        narrow |= {"WindowCenter": "0.2", "WindowWidth": "0.3"}
        path.write_bytes(write_dicom(make_dicom(RAMP, VOILUTFunction=function, **narrow)))
        expected = decode_radiograph(write_dicom(make_dicom(RAMP, **WINDOW))).grey
        grey = decode_radiograph(path.read_bytes()).grey
        assert np.abs(grey.astype(int) - expected).max() <= 1
        assert np.ptp(show_by_dcmtk(path, tmp_path)) == 0
