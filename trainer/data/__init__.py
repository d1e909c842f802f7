"""Data: views of a lake, splits by patient group, tf.data pipelines, augmentation."""
