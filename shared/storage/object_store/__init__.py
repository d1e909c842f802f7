"""Object stores (S3, Google Cloud Storage, Azure) through pyarrow's filesystems."""
