"""webdataset: tars read in order, a buffer's shuffle, in process.

https://webdataset.github.io/webdataset/gettingstarted/
"""

import numpy as np
import webdataset
from rounds import BATCH, OUT, load, serve

pixels, labels = load()
with webdataset.ShardWriter(f"{OUT}/views-%06d.tar", maxcount=256, verbose=0) as shards:
    for index, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        shards.write({"__key__": f"{index:06d}", "bin": image.tobytes(), "cls": int(label)})


def parse(sample):
    image = np.frombuffer(sample["bin"], np.uint8).reshape(pixels.shape[1:])
    return image, int(sample["cls"])


tars = sorted(map(str, OUT.glob("*.tar")))
views = webdataset.WebDataset(tars, shardshuffle=len(tars)).shuffle(512)
batches = views.map(parse).batched(BATCH)
serve(lambda: sum(len(labels) for _, labels in batches))
