"""Heat maps come after predictions, which need no TensorFlow."""

import base64
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from shared.images.pixels import Pixels
from tests.commands import PROJECT
from tests.trainer.serve.server import Served, decoding_is_stopped, explain, predict, serving
from tests.trainer.slow_tensorflow import delay_tensorflow, python_path
from trainer.explain.layer_cam import LayerCam
from trainer.explain.overlay import overlay
from trainer.inference.image_input import read_view
from trainer.runs.saved.open import open_saved_run

pytestmark = pytest.mark.slow

TEXT = ("letter.png", b"Dear colleague")


def decode(source: str) -> Pixels:
    """Return the picture of a data URL, RGB."""
    kind, _, encoded = source.partition(",")
    assert kind == "data:image/png;base64"
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture[..., ::-1].astype(np.uint8)


def test_readable_views_get_the_heat_maps_of_the_model(
    served: Served, trained_run: Path, views: list[Path]
) -> None:
    files = [(view.name, view.read_bytes()) for view in views[:2]]
    answer = explain(served, files[0], TEXT, files[1])
    assert answer.status == 200
    received = [decode(source) for source in answer.json()["heat_maps"]]

    run = open_saved_run(str(trained_run))
    images = np.stack([read_view(view, run.image).pixels for view in views[:2]])
    heat = LayerCam(run.load_model()).explain(images[..., None])
    assert len(received) == len(images)
    for picture, image, heat_map in zip(received, images, heat, strict=True):
        np.testing.assert_allclose(picture, overlay(image, heat_map, 1.0), atol=4)


def test_predictions_do_not_wait_for_tensorflow_or_for_heat_maps(
    trained_run: Path, views: list[Path], tmp_path: Path
) -> None:
    gate = delay_tensorflow(tmp_path)
    view = ("a.png", views[0].read_bytes())
    with (
        ThreadPoolExecutor(2) as pool,
        serving(trained_run, PYTHONPATH=python_path(tmp_path)) as own,
    ):
        waiting = [pool.submit(explain, own, view) for _ in range(2)]
        time.sleep(0.5)
        assert [predict(own, view).status for _ in range(3)] == [200] * 3
        busy = explain(own, view)
        assert (busy.status, "retry-after" in busy.headers) == (429, True)
        assert not any(each.done() for each in waiting)
        gate.touch()
        assert [len(each.result().json()["heat_maps"]) for each in waiting] == [1, 1]


def test_heat_maps_do_not_wait_for_predictions(served: Served, views: list[Path]) -> None:
    view = ("a.png", views[0].read_bytes())
    with ThreadPoolExecutor(1) as pool, decoding_is_stopped(served):
        waiting = pool.submit(predict, served, view)
        time.sleep(0.5)
        # a second study is decoded in another process
        assert explain(served, view).status == 200
        assert not waiting.done()
    assert waiting.result().status == 200


def test_a_server_without_tensorflow_predicts(
    trained_run: Path, views: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['tensorflow'] = None")
    _assert_only_predictions(trained_run, views, PYTHONPATH=python_path(tmp_path))


def test_a_server_whose_keras_model_is_damaged_predicts(
    trained_run: Path, views: list[Path], tmp_path: Path
) -> None:
    damaged = shutil.copytree(trained_run, tmp_path / "run")
    (damaged / "model.keras").write_bytes(b"no model")
    _assert_only_predictions(damaged, views)


def _assert_only_predictions(run: Path, views: list[Path], **environment: str) -> None:
    view = ("a.png", views[0].read_bytes())
    with serving(run, **environment) as own:
        assert own.process.stderr
        said = [own.process.stderr.readline() for _ in range(2)]
        assert said[0] == "starting TensorFlow, which computes heat maps\n"
        assert said[1].startswith("heat maps are not available: ")
        answer = explain(own, view)
        assert answer.status == 503
        assert answer.json() == {
            "error": "The server cannot compute heat maps, and has logged the reason."
        }
        assert predict(own, view).status == 200


PREDICT_ONE_STUDY = """
import sys
from pathlib import Path
from trainer.options import ServeOptions
from trainer.runs.saved.open import open_saved_run
from trainer.serve.app import Services, build_app
from trainer.serve.upload.decoding import ViewDecoder
from trainer.serve.heat_maps import HeatMaps
from trainer.serve.upload.limits import Limits
from trainer.serve.study import StudyPredictor
from trainer.serve.upload.uploads import Upload
from trainer.serve.worker import Worker

run, view = sys.argv[1:]
options, saved_run = ServeOptions(run=run), open_saved_run(run)
decoder = ViewDecoder(saved_run.image, decode_s=30)
predictor = StudyPredictor(saved_run, decoder, options)
services = Services(predictor, HeatMaps(saved_run, decoder), Worker(), Worker())
build_app(services, options, Limits(3, 1 << 20))
predictor.load()
study = predictor.predict([Upload("a.png", bytearray(Path(view).read_bytes()))])
assert study.predictions.views.height == 1
slow = {"tensorflow", "keras", "scipy", "matplotlib", "sklearn", "pydicom"}
print(sorted(slow & set(sys.modules)))
"""


def test_the_process_of_the_server_predicts_without_slow_imports(
    trained_run: Path, views: list[Path]
) -> None:
    command = [sys.executable, "-c", PREDICT_ONE_STUDY, str(trained_run), str(views[0])]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=100)
    assert (result.stdout, result.returncode) == ("[]\n", 0), result.stderr
