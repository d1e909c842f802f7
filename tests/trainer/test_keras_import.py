"""TensorFlow is started without what nobody asked for, which may still be asked for later."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.commands import PROJECT

pytestmark = pytest.mark.slow

SETTINGS = """
import os, sys
from pathlib import Path
from trainer.keras_import import import_keras

home = Path(os.environ["KERAS_HOME"])
import_keras()
heavy = {"IPython", "matplotlib.pyplot", "pandas", "sklearn"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
import matplotlib.pyplot, sklearn
import keras
from keras import config
print(config.backend(), config.floatx(), config.image_data_format(), config.epsilon())
print(config.max_epochs(), config.max_steps_per_epoch())
assert Path(os.environ["KERAS_HOME"]) == home
assert os.environ["KERAS_BACKEND"] == "torch"
"""


@pytest.mark.parametrize(
    "settings",
    [
        {"backend": "torch", "floatx": "float16", "image_data_format": "channels_first"},
        [],
        pytest.param({"floatx": "float7", "epsilon": 0.5}, marks=pytest.mark.benchmark),
    ],
)
def test_nothing_needless_is_imported_and_the_settings_of_other_programs_change_nothing(
    tmp_path: Path, settings: Any
) -> None:
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    own = {"KERAS_HOME": tmp_path, "KERAS_BACKEND": "torch", "KERAS_MAX_EPOCHS": "1"}
    environment = {**os.environ, **{name: str(value) for name, value in own.items()}}
    result = subprocess.run(
        [sys.executable, "-c", SETTINGS],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert result.stdout.splitlines() == [
        "tensorflow float32 channels_last 1e-07",
        "None None",
    ], result.stderr
    assert (result.returncode, result.stderr) == (0, "")
