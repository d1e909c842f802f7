"""TensorFlow: `TFRecordDataset` and `parse_example` over a lake's shards, a buffer's shuffle.

https://www.tensorflow.org/guide/data_performance
"""

import tensorflow as tf
from rounds import BATCH, SOURCE, load, serve

BUFFER = 512
FEATURES = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
}
pixels, _ = load()


def decode(records):
    parsed = tf.io.parse_example(records, FEATURES)
    images = tf.io.decode_raw(parsed["image"], tf.uint8)
    return tf.reshape(images, (-1, *pixels.shape[1:], 1)), parsed["label"]


shards = sorted(map(str, (SOURCE / "lake").rglob("*.tfrecord")))
records = tf.data.TFRecordDataset(shards, num_parallel_reads=2).shuffle(BUFFER)
batches = records.batch(BATCH).map(decode, num_parallel_calls=2).prefetch(2)
serve(lambda: sum(len(labels) for _, labels in batches))
