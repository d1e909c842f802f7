"""Views of a lake, splits by patient group, tf.data pipelines and augmentation."""
