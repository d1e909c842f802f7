"""Paths for the grammars of layouts, and independent readings of them, by splitting alone."""

import random
import re
from collections.abc import Iterator

from ingest.sources.layout import NoView, View
from ingest.sources.recorded import Layout

MURA_PATH = "train/XR_HAND/patient00003/study1_positive/image1.png"
FOLDERS_PATH = "train/abnormal/p0012/a.png"
PATIENT = re.compile(r"p(\d+)")

PIECES = (
    *("train", "valid", "val", "test", "Validation", "XR_HAND", "XR_hand", "XR_KNEE", "XR_WRIST"),
    *("patient1", "patient00003", "patient", "patient9999999999999999999", "patient٣"),
    *("study1_positive", "study12_negative", "study1_maybe", "study_positive", "positive", "0"),
    *("image1.png", "image12.PNG", "image1.png\n", "image.png", "._image1.png", ".png", "a.jpeg"),
    *("normal", "ABNORMAL", "benign", "p0012", "p", "p٣", "mask", "thumb", ".DS_Store", "", "."),
    *("train_image_paths.csv", "\udcff", "\u017f", "İ", "a\nb", "\u2028", "p" + "9" * 30),
)
_CHARS = "0123/_.apXRtrainpositivenegativeABZ\n\r\0\udc80\u0660é "


def parse(layout: Layout, path: str) -> View | NoView:
    folder, slash, name = path.rpartition("/")
    return layout.parse(folder + slash, name)


def read_mura(path: str) -> View | None:
    pieces = path.split("/")
    if len(pieces) != 5:
        return None
    split, part, patient, study, image = pieces
    study_number, _, sign = study.lower().removeprefix("study").partition("_")
    image_number, _, ending = image.lower().removeprefix("image").partition(".")
    parts = {"ELBOW", "FINGER", "FOREARM", "HAND", "HUMERUS", "SHOULDER", "WRIST"}
    number = patient.lower().removeprefix("patient")
    if (
        path.isascii()
        and split.lower() in {"train", "valid"}
        and part.upper().startswith("XR_")
        and part[3:].upper() in parts
        and patient.lower() == f"patient{number}"
        and _is_number(number)
        and len(number) <= 18
        and study.lower() == f"study{study_number}_{sign}"
        and _is_number(study_number)
        and sign in {"positive", "negative"}
        and image.lower() == f"image{image_number}.{ending}"
        and _is_number(image_number)
        and ending in {"png", "jpg", "jpeg"}
    ):
        label = ["negative", "positive"].index(sign)
        return View(split.lower(), part[3:].lower(), label, int(number), "/".join(pieces[:4]))  # pyright: ignore[reportArgumentType]  # checked above
    return None


def read_folders(path: str) -> tuple[str, int] | None:
    """Return split and label of a view in folders."""
    pieces = path.split("/")
    name, below = pieces[-1], "/".join(pieces[2:])
    if len(pieces) < 3 or _is_by_product(below.lower()):
        return None
    if name.startswith(".") or name.split(".")[-1].lower() not in {"png", "jpg", "jpeg"}:
        return None
    if "." not in name or path.encode(errors="replace") != path.encode(errors="surrogatepass"):
        return None
    train, valid = {"train", "training"}, {"valid", "val", "validation", "test", "testing"}
    normal = {"normal", "negative", "0", "no", "false", "healthy", "n"}
    normal |= {"not fractured", "non fractured", "no fracture", "nonfractured"}
    abnormal = {"abnormal", "positive", "1", "yes", "true", "y", "fractured", "fracture"}
    split, label = map(_word, pieces[:2])
    if split in train | valid and label in normal | abnormal:
        return "train" if split in train else "valid", int(label in abnormal)
    return None


def _word(text: str) -> str:
    words = text.strip(" \t\r\n\"'").lower().replace("_", " ").replace("-", " ").split()
    return " ".join(words)


def _is_number(text: str) -> bool:
    return text != "" and all(char in "0123456789" for char in text)


def mutants(seed: int, num: int) -> Iterator[str]:
    """Yield paths like those of views, most with something wrong in a piece or a character."""
    rng = random.Random(seed)
    for _ in range(num):
        pieces = list[str](rng.choice((MURA_PATH, FOLDERS_PATH)).split("/"))
        for _ in range(rng.randrange(3)):
            pieces[rng.randrange(len(pieces))] = rng.choice(PIECES)
        path = "/".join(pieces)
        for _ in range(rng.choice((0, 0, 1, 2))):
            at = rng.randrange(len(path) + 1)
            path = path[:at] + rng.choice(("", rng.choice(_CHARS))) + path[at + rng.randrange(2) :]
        yield path


def check(path: str, mura: Layout, own: Layout, by_patient: Layout) -> int:
    """Hold three layouts' answers to one path against the independent ones; count the views."""
    view = read_mura(path)
    answer = parse(mura, path)
    assert answer == view if view else isinstance(answer, NoView), path
    if view:
        assert f"{view.study_id}/{path.split('/')[-1]}" == path

    expected = read_folders(path)
    answer = parse(own, path)
    assert isinstance(answer, View) == (expected is not None), path
    if isinstance(answer, View):
        assert (answer.split, answer.label, answer.study_id) == (*(expected or ()), path)
        assert 0 <= answer.patient_id < 2**63
        assert path.encode().decode() == path

    with_patient = parse(by_patient, path)
    found = PATIENT.search("/".join(path.split("/")[2:]))
    assert isinstance(with_patient, View) == (expected is not None and found is not None), path
    if isinstance(with_patient, View) and found:
        assert with_patient.study_id.split("/", 2)[2] == found[1]
        if found[1].isascii() and len(found[1]) <= 18:
            assert with_patient.patient_id == int(found[1])
    return (view is not None) + (expected is not None)


def _is_by_product(below: str) -> bool:
    words = set(re.split("[/_.-]", below))
    folders_and_name = below.split("/")
    return (
        bool(words & {"mask", "masks", "thumbnail", "thumbnails"})
        or any(part.startswith(".thumb") for part in folders_and_name)
        or folders_and_name[-1] == "thumbs.db"
    )
