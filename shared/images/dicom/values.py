"""Values of DICOM elements as their bytes state them, whatever value representation wrote them."""

from collections.abc import MutableSequence, Sequence
from typing import Any, cast

from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement

# pydicom raises an error for a decimal comma or a wrong value representation, which are common in
# files of scanners
_WORD_VRS = ("US", "SS", "US or SS", "OW")
_TEXT_VRS = ("DS", "IS", "LO", "SH", "CS", "UI", "LT", "ST", "UT")


def is_little_endian(dataset: Dataset) -> bool:
    """Return the byte order of a dataset that was read from a file."""
    return bool(dataset.file_meta.TransferSyntaxUID.is_little_endian)


def read_text(dataset: Dataset, name: str) -> str:
    """Return the text of an element without padding; an empty or absent element gives ''."""
    return "\\".join(read_texts(dataset, name)).strip()


def read_number(dataset: Dataset, name: str) -> float | None:
    """Return the first value of an element, or None if it is empty or absent.

    Raises:
        ValueError: the value is not a number.
    """
    numbers = read_numbers(dataset, name)
    return numbers[0] if numbers else None


def read_numbers(dataset: Dataset, name: str) -> list[float]:
    """Return the values of an element; see `read_number`."""
    return [to_number(text) for text in read_texts(dataset, name) if text]


def read_word(dataset: Dataset, name: str) -> int | None:
    """Return the first 16-bit integer of an element, unsigned unless it was written as SS."""
    element: Any = dataset.get_item(name)
    if element is None or element.value in (None, b"", ""):
        return None
    if isinstance(element, RawDataElement) and _find_vr(element) in _WORD_VRS:
        order = "little" if element.is_little_endian else "big"
        content: Any = element.value
        return int.from_bytes(content[:2], order, signed=element.VR == "SS")
    value: Any = dataset[name].value
    if isinstance(value, bytes):
        return int.from_bytes(value[:2], "little" if is_little_endian(dataset) else "big")
    number = read_number(dataset, name)
    return None if number is None else int(number)


def _find_vr(element: RawDataElement) -> str:
    return element.VR if element.VR not in (None, "UN") else dictionary_VR(element.tag)


def to_number(text: str) -> float:
    """Convert a text, in which a comma counts as a decimal point."""
    return float(text.replace(",", "."))


def read_texts(dataset: Dataset, name: str) -> list[str]:
    """Return the values of an element without padding; some may be empty."""
    element: Any = dataset.get_item(name)
    if element is None or element.value is None:
        return []
    value: Any = element.value
    if isinstance(element, RawDataElement):
        if _find_vr(element) in _TEXT_VRS:
            return [part.strip(" \0") for part in value.decode("latin-1").split("\\")]
        value = dataset[name].value
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    many = isinstance(value, MutableSequence | tuple)
    values: list[Any] = list(cast("Sequence[Any]", value)) if many else [value]
    return ["" if each is None else str(each).strip(" \0") for each in values]
