"""Image specification of a lake: preprocessing and storage of its images."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args, get_type_hints

from shared.errors import LakeError, UsageError

Fit = Literal["pad", "stretch"]
Crop = Literal["none", "field"]
Mask = Literal["none", "markers"]
Contrast = Literal["none", "percentile", "clahe"]
Encoding = Literal["raw", "png", "jpeg"]
Depth = Literal["auto", "8", "10", "12", "14", "16", "file"]

JPEG_QUALITY = 95
"""Quality of images stored as JPEG, on libjpeg's scale."""

MIN_SIZE_PX, MAX_SIZE_PX = 16, 2048
_PIXELS = {"channels": 1, "dtype": "uint8"}
# values of settings that a `lake.json` may lack
_DEFAULTS = {"crop": "none", "mask": "none", "contrast": "none", "depth": "auto"}
# values that a `lake.json` does not mention
_OMITTED = {"mask": "none", "depth": "auto"}


@dataclass(frozen=True)
class ImageSpec:
    """Square greyscale images of `size` x `size` pixels.

    Attributes:
        fit: `pad` keeps the aspect ratio and pads with black, `stretch` fills the square.
        crop: `field` crops the source to its collimated field first.
        mask: `markers` paints over burnt-in markers.
        encoding: storage of the pixels: raw, lossless PNG, or JPEG.
        depth: bits of the samples in 16-bit PNG files; `auto` if the lake has no such file.
    """

    size: int = 320
    fit: Fit = "pad"
    crop: Crop = "none"
    mask: Mask = "none"
    contrast: Contrast = "none"
    encoding: Encoding = "raw"
    depth: Depth = "auto"

    def __post_init__(self) -> None:
        if not MIN_SIZE_PX <= self.size <= MAX_SIZE_PX:
            raise UsageError(
                f"Expected a size of {MIN_SIZE_PX} to {MAX_SIZE_PX} pixels. "
                f"Received: size={self.size}"
            )
        for name, kind in get_type_hints(type(self)).items():
            value, choices = getattr(self, name), get_args(kind)
            if choices and value not in choices:
                raise UsageError(
                    f"Expected {name} to be one of {', '.join(choices)}. Received: {name}={value}"
                )

    @property
    def num_bytes(self) -> int:
        """Number of bytes of the pixels of one image, one byte per pixel."""
        return self.size * self.size

    @property
    def decoding_depth(self) -> Depth:
        """Depth for decoding: 16 bits if the lake has no 16-bit file that shows another one."""
        return "16" if self.depth == "auto" else self.depth

    def to_json(self) -> dict[str, Any]:
        """Return the specification as stored in `lake.json`.

        Lakes without a mask or a depth do not mention them, as lakes of earlier versions.
        """
        settings = {
            name: value for name, value in asdict(self).items() if _OMITTED.get(name) != value
        }
        quality = {"jpeg_quality": JPEG_QUALITY} if self.encoding == "jpeg" else {}
        return {**settings, **quality, **_PIXELS}

    @classmethod
    def from_json(cls, recorded: dict[str, Any]) -> "ImageSpec":
        """Read the specification in a `lake.json`.

        Raises:
            LakeError: this version does not support the preprocessing or encoding.
        """
        recorded = {**_DEFAULTS, **recorded}
        try:
            spec = cls(*(recorded[name] for name in cls.__dataclass_fields__))
        except (UsageError, KeyError, TypeError) as error:
            raise LakeError(f"Expected images that this version supports: {error}") from None
        # 64.0 and 64 are equal, and so are True and 1, so compare the types too
        expected = {**_DEFAULTS, **spec.to_json()}
        if expected != recorded or any(
            type(value) is not type(recorded[name]) for name, value in expected.items()
        ):
            raise LakeError(f"Expected images stored as {spec.to_json()}. Received: {recorded}")
        return spec
