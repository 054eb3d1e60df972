"""Reads a codebook file of version 1, as crates/words/src/codebook_file.rs describes it."""

import pathlib

import numpy as np

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"


def read(path):
    """Rotation, 128 × 128, and words, k × 128, as integers."""
    data = path.read_bytes()
    words, cells = np.frombuffer(data, "<u4", 2, 8)
    rotation = np.frombuffer(data, np.int8, 128 * 128, 32).reshape(128, 128).astype(np.int64)
    rows = np.frombuffer(data[-int(words) * 128:], np.uint8).reshape(-1, 128).astype(np.int64)
    return rotation, rows
