"""Parts of an NWB file, one module per part. Each adds what the session has of it, and nothing where it has none."""
