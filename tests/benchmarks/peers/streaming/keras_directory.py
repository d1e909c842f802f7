"""Keras: `image_dataset_from_directory` decodes and resizes every image in every epoch."""

import keras
from rounds import BATCH, SOURCE, load, serve

pixels, _ = load()
batches = keras.utils.image_dataset_from_directory(
    SOURCE / "by_label",
    color_mode="grayscale",
    image_size=pixels.shape[1:],
    batch_size=BATCH,
    verbose=False,
)
serve(lambda: sum(len(labels) for _, labels in batches))
