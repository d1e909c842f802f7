"""Locations and checksums of the records of views."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from shared.lake.tfrecord import FRAME_BYTES, FRAME_HEADER_BYTES, frame_footer, frame_header


class RecordLocations(NamedTuple):
    """Location and checksums of records: arrays with one entry per view, to save memory.

    A record consists of the frame header, the head of the payload, the image and the frame footer.
    `frames` holds the expected header and footer, uint8 of shape (views, 16).
    """

    shards: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    head_bytes: npt.NDArray[np.int64]
    image_bytes: npt.NDArray[np.int64]
    payload_crc32c: npt.NDArray[np.int64]
    frames: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, views: pl.DataFrame, numbers: Mapping[str, int]) -> "RecordLocations":
        """Return the record locations of manifest rows; `numbers` maps shards to their numbers."""
        columns = ("record_offset", "image_offset", "image_bytes", "record_crc32c")
        offsets, image_offsets, image_bytes, checksums = (views[c].to_numpy() for c in columns)
        head_bytes = image_offsets - offsets - FRAME_HEADER_BYTES
        lengths = (head_bytes + image_bytes).tolist()
        headers = {length: frame_header(length) for length in set(lengths)}
        frames = b"".join(
            headers[length] + frame_footer(checksum)
            for length, checksum in zip(lengths, checksums.tolist(), strict=True)
        )
        shards = [numbers[shard] for shard in views["shard"]]
        return cls(
            np.array(shards, np.int64),
            offsets,
            head_bytes,
            image_bytes,
            checksums,
            np.frombuffer(frames, np.uint8).reshape(-1, FRAME_BYTES),
        )
