"""grain: ArrayRecord files, each record read by its number, a permutation; threads read ahead.

https://google-grain.readthedocs.io/en/latest/data_sources.html
"""

import grain
import numpy as np
from array_record.python.array_record_module import ArrayRecordWriter
from rounds import BATCH, OUT, load, serve

pixels, labels = load()
path = str(OUT / "views.array_record")
writer = ArrayRecordWriter(path, "group_size:1,uncompressed")
for image, label in zip(pixels, labels, strict=True):
    writer.write(bytes([label]) + image.tobytes())
writer.close()


def parse(record: bytes):
    return np.frombuffer(record, np.uint8, offset=1).reshape(pixels.shape[1:]), record[0]


source = grain.sources.ArrayRecordDataSource([path])
views = grain.MapDataset.source(source).seed(0).shuffle().map(parse)
# its default reads 500 batches ahead, which would be while others are timed
ahead = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)
batches = views.batch(BATCH).repeat().to_iter_dataset(ahead)
stream = iter(batches)


def epoch() -> int:
    return sum(len(next(stream)[1]) for _ in range(0, len(pixels), BATCH))


serve(epoch)
