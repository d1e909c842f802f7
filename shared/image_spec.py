"""The image spec: how every image of a lake was made from its source."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from shared.errors import LakeError, UsageError

Fit = Literal["pad", "stretch"]
FITS: tuple[Fit, ...] = get_args(Fit)

_MIN_SIZE_PX, _MAX_SIZE_PX = 16, 2048
_STORED_AS = {"channels": 1, "dtype": "uint8", "encoding": "raw"}


@dataclass(frozen=True)
class ImageSpec:
    """Square grey images of `size` x `size` pixels.

    `pad` keeps the aspect and centres the image on black, `stretch` fills the square.
    """

    size: int = 320
    fit: Fit = "pad"

    def __post_init__(self) -> None:
        if not _MIN_SIZE_PX <= self.size <= _MAX_SIZE_PX:
            raise UsageError(
                f"Expected a size of {_MIN_SIZE_PX} to {_MAX_SIZE_PX} pixels. "
                f"Received: size={self.size}"
            )
        if self.fit not in FITS:
            raise UsageError(
                f"Expected fit to be one of {', '.join(FITS)}. Received: fit={self.fit}"
            )

    @property
    def num_bytes(self) -> int:
        """Bytes of one stored image: one byte a pixel."""
        return self.size * self.size

    def to_json(self) -> dict[str, Any]:
        """Return the spec as it stands in `lake.json`."""
        return {**asdict(self), **_STORED_AS}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> "ImageSpec":
        """Read the spec of a `lake.json`.

        Raises:
            LakeError: the images are stored in a way this version does not know.
        """
        stored_as = {key: value for key, value in facts.items() if key not in ("size", "fit")}
        if stored_as != _STORED_AS:
            raise LakeError(f"Expected images stored as {_STORED_AS}. Received: {stored_as}")
        return cls(size=facts["size"], fit=facts["fit"])
