"""Writing of one shard: read, decode and resize views, and store them in a TFRecord file."""

# worker processes run this module: it imports neither polars nor pyarrow, which take longer to
# import than a hundred views to decode
from pathlib import Path
from typing import Any, BinaryIO

import crc32c
import cv2

from ingest.write.identity import IDENTITY, identify
from ingest.write.source_files import read_views
from ingest.write.tasks import DISPLAY, Job, ShardTask, WrittenShard
from shared.errors import ImageError
from shared.images.decode import read_radiograph
from shared.images.pixels import Pixels
from shared.images.preprocessing.prepare import prepare_and_encode
from shared.images.spec import ImageSpec
from shared.lake.layout import partition_path
from shared.lake.tfrecord import encode_example_head, frame_footer, frame_header
from shared.storage.atomic import ShardDigester, digest


def write_shard(task: ShardTask, job: Job) -> WrittenShard:
    """Write one shard to a partial file, which the caller publishes.

    Raises:
        SourceError: a file of the task has vanished, or changed since the scan.
        StoreError: the object store does not respond, or returns an error.
        WriteError: the lake cannot be written.
    """
    rows: list[dict[str, Any]] = []
    rejects: list[tuple[str, str, str]] = []
    notes: list[tuple[str, str, str]] = []
    name = digest("\n".join(view.view_id for view in task.views).encode())
    with job.lake.partial(f"{partition_path(task.folder)}/{name}") as file:
        shard = _RecordWriter(file)
        for view, read in read_views(job.source, task.views):
            try:
                image, columns, note = prepare_view(read(), job.image)
            except ImageError as error:
                rejects.append((view.view_id, error.reason, error.detail))
                continue
            if note:
                notes.append((DISPLAY, view.view_id, note))
            if job.names_patients:
                columns |= dict.fromkeys(IDENTITY)
            # raw bytes are the pixels, so their digest is known already
            is_raw = job.image.encoding == "raw"
            image_digest = columns["pixel_digest"] if is_raw else digest(image)
            position = shard.append(view.view_id, view.label, image, image_digest)
            rows.append({"view_id": view.view_id, **columns, **position})
    return WrittenShard(Path(file.name), shard.digester.finish(), rows, rejects, notes)


def prepare_view(encoded: bytes, image: ImageSpec) -> tuple[bytes, dict[str, Any], str]:
    """Return the image to store, the view's manifest columns known from decoding, and a note.

    Raises:
        ImageError: the file cannot be read as a radiograph.
    """
    radiograph = read_radiograph(encoded, image.depth)
    try:
        pixels, stored = prepare_and_encode(radiograph.grey, image)
    except cv2.error as error:
        # a lack of memory is no property of the file, so the file must not be rejected
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(error.err) from None
        raise
    columns = {
        **identify(radiograph),
        "source_digest": digest(encoded),
        "width_px": radiograph.width_px,
        "height_px": radiograph.height_px,
        "channels": radiograph.channels,
        **measure(pixels),
        "image_bytes": len(stored),
        "image_crc32c": crc32c.crc32c(stored),
    }
    return stored, columns, "; ".join(radiograph.notes)


def measure(pixels: Pixels) -> dict[str, Any]:
    """Return the manifest columns computed from the stored pixels."""
    mean, std = cv2.meanStdDev(pixels)
    return {
        "mean": float(mean[0, 0]),
        "std": float(std[0, 0]),
        "pixel_digest": digest(pixels.data),
    }


class _RecordWriter:
    def __init__(self, file: BinaryIO):
        self._file = file
        self._num_records = self._offset = 0
        self.digester = ShardDigester()

    def append(self, view_id: str, label: int, image: bytes, image_digest: str) -> dict[str, int]:
        """Write one record; return its position and checksum as manifest columns."""
        head = encode_example_head(view_id, label, len(image))
        # CRC of head and image in sequence, without joining them
        checksum = crc32c.crc32c(image, crc32c.crc32c(head))
        header = frame_header(len(head) + len(image))
        pieces = (header, head, image, frame_footer(checksum))
        self._file.writelines(pieces)
        self.digester.add(head, image_digest)
        position = {
            "record_index": self._num_records,
            "record_offset": self._offset,
            "record_crc32c": checksum,
            "image_offset": self._offset + len(header) + len(head),
        }
        self._num_records += 1
        self._offset += sum(map(len, pieces))
        return position
