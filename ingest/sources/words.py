"""Words for labels, splits, body parts, patients and levels in folders, tables and options."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.errors import UsageError
from shared.labels import LABEL_NAMES, SPLITS, Split, is_part

# label by word, as from `plain`
LABEL_WORDS = {
    **dict.fromkeys(("normal", "negative", "0", "no", "false", "healthy", "n"), 0),
    **dict.fromkeys(("not fractured", "non fractured", "no fracture", "nonfractured"), 0),
    **dict.fromkeys(("abnormal", "positive", "1", "yes", "true", "y"), 1),
    **dict.fromkeys(("fractured", "fracture"), 1),
}

# split by word, as from `plain`; a lake has two splits, so a test is `valid`
SPLIT_WORDS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "test": "valid",
    "testing": "valid",
}

# meanings of a level of folders
LEVELS = ("split", "part", "label", "patient", "study", "*")

_WHOLE_NUMBER = re.compile(r"(-?\d+)\.0*", re.ASCII)
# 10 ** 18 - 1 fits into a signed 64-bit integer
_MAX_DIGITS = 18
_SEPARATORS = re.compile(r"[\s_-]+")


def plain(text: str) -> str:
    """Return a word in lower case, with single spaces; `1.0`, as pandas writes it, is `1`."""
    word = _SEPARATORS.sub(" ", text.strip(" \t\r\n\"'").lower()).strip()
    number = _WHOLE_NUMBER.fullmatch(word)
    return number[1] if number else word


def read_identifier(text: str) -> str | None:
    """Return the name of a patient or study without quotes, or None; `1.0` is `1`."""
    name = text.strip(" \t\r\n\"'")
    number = _WHOLE_NUMBER.fullmatch(name)
    return (number[1] if number else name) or None


def read_part(text: str) -> str | None:
    """Return the body part that a folder or a table names, such as `XR_WRIST` or `Lower leg`."""
    part = plain(text).removeprefix("xr ").replace(" ", "_")
    return part if is_part(part) else None


def find_patient(pattern: re.Pattern[str], path: str) -> str | None:
    """Return the pattern's first group, or the whole match if it has no group."""
    match = pattern.search(path)
    return match and match[1 if pattern.groups else 0]


def number_of(patient: str) -> int:
    """Return the number of a patient named by digits, or a hash of 63 bits of any other name."""
    if patient.isascii() and patient.isdigit() and len(patient.lstrip("0")) <= _MAX_DIGITS:
        return int(patient.lstrip("0") or "0")
    # Parquet and polars have signed 64-bit integers
    hashed = hashlib.blake2b(patient.encode(), digest_size=8).digest()
    return int.from_bytes(hashed, "big") >> 1


@dataclass(frozen=True)
class Words:
    """The words for labels and splits in a source."""

    labels: Mapping[str, int] = field(default_factory=lambda: LABEL_WORDS)
    splits: Mapping[str, Split] = field(default_factory=lambda: SPLIT_WORDS)

    @classmethod
    def parse(cls, labels: str, splits: str) -> "Words":
        """Parse the options `labels` and `splits`; without words, the usual ones apply.

        Raises:
            UsageError: an option is not a list of words for each label, or for splits.
        """
        own_labels = _parse("labels", labels, LABEL_NAMES, "abnormal=fractured,1 normal=0,none")
        if labels and len(set(own_labels.values())) < len(LABEL_NAMES):
            raise UsageError(
                f"Expected words for {' and '.join(LABEL_NAMES)}. Received: labels={labels}"
            )
        own_splits = _parse("splits", splits, SPLITS, "train=train,val valid=test")
        return cls(
            {word: LABEL_NAMES.index(name) for word, name in own_labels.items()} or LABEL_WORDS,
            {word: SPLITS[SPLITS.index(name)] for word, name in own_splits.items()} or SPLIT_WORDS,
        )

    def to_json(self) -> dict[str, str]:
        """Return the options `labels` and `splits` of words other than the usual ones."""
        found: dict[str, str] = {}
        if self.labels != LABEL_WORDS:
            found["labels"] = _format({w: LABEL_NAMES[label] for w, label in self.labels.items()})
        if self.splits != SPLIT_WORDS:
            found["splits"] = _format(self.splits)
        return found


def parse_levels(text: str) -> tuple[str, ...]:
    """Parse the option `levels`, such as `part/split/label`.

    Raises:
        UsageError: a level is unknown or occurs twice, or none is the label.
    """
    levels = tuple(text.strip("/").split("/"))
    named = [level for level in levels if level != "*"]
    if set(named) - set(LEVELS) or len(set(named)) < len(named) or "label" not in named:
        raise UsageError(
            f"Expected levels with label and, each at most once, {', '.join(LEVELS[:-1])}, "
            f"or * for others, such as split/label. Received: levels={text}"
        )
    return levels


def _parse(key: str, text: str, names: Sequence[str], example: str) -> dict[str, str]:
    error = UsageError(f'Expected {key} like "{example}". Received: {key}={text}')
    # words may contain spaces, so a value ends where the next name begins
    starts = [*re.finditer(rf"(?:^|\s)({'|'.join(names)})=", text)]
    if text and (not starts or starts[0].start() > 0):
        raise error
    words: dict[str, str] = {}
    ends = [*(start.start() for start in starts[1:]), len(text)]
    for start, end in zip(starts, ends, strict=bool(starts)):
        for word in text[start.end() : end].split(","):
            if not plain(word) or "=" in word or words.get(plain(word), start[1]) != start[1]:
                raise error
            words[plain(word)] = start[1]
    return words


def _format(words: Mapping[str, str]) -> str:
    names = sorted(set(words.values()))
    of_name = {name: sorted(w for w, meaning in words.items() if meaning == name) for name in names}
    return " ".join(f"{name}={','.join(of_name[name])}" for name in names)
