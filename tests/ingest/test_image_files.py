"""A tree of every kind of file: the good ones are in the lake, the bad ones stand with a reason."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from shared.images.spec import ImageSpec
from shared.lake.open import open_lake
from shared.lake.reader import ViewReader
from tests.commands import call
from tests.shared.images.image_files import image_files
from tests.shared.images.test_formats import by_opencv_alone

pytestmark = pytest.mark.slow

CHATTER = ("libpng", "jpeg", "warn", "imdecode", "opencv", "traceback")


def test_every_kind_of_file_is_stored_rightly_or_rejected(tmp_path: Path) -> None:
    views = {
        f"train/XR_HAND/patient{patient:05}/study1_positive/image1.png": file
        for patient, file in enumerate(image_files())
    }
    for view_id, file in views.items():
        path = tmp_path / "MURA-v1.1" / view_id
        path.parent.mkdir(parents=True)
        path.write_bytes(file.encoded)
    root, spec = tmp_path / "lake", ImageSpec(48)
    result = call("mura-ingest", tmp_path, f"lake={root}", f"size={spec.size}", "workers=2")
    assert result.returncode == 0, result.stderr
    assert not [word for word in CHATTER if word in result.stderr.lower()], result.stderr

    lake = open_lake(root)
    rejects = {row["path"]: row["reason"] for row in lake.rejects.iter_rows(named=True)}
    assert rejects == {view_id: file.reason for view_id, file in views.items() if file.reason}
    assert f"{lake.manifest.height} views, {len(rejects)} rejected" in result.stdout
    assert lake.manifest.height + len(rejects) == len(views)
    with ViewReader(lake, lake.manifest) as reader:
        stored = reader.read(np.arange(len(reader)))
    plain = tmp_path / "plain.png"
    for row, pixels in zip(lake.manifest.iter_rows(named=True), stored, strict=True):
        file = views[row["view_id"]]
        assert file.grey is not None
        cv2.imwrite(str(plain), file.grey)
        expected = by_opencv_alone(plain, spec)
        np.testing.assert_array_equal(pixels.reshape(expected.shape), expected, file.name)
        assert (row["width_px"], row["height_px"], row["channels"]) == (*file.size, file.channels)
