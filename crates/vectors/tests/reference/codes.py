"""Mean squared errors that FAISS's codes reach on a fixed set of vectors, written to codes.json.

python codes.py        # numpy, faiss-cpu; one thread

The vectors are made by the same generator as in src/codes/checks.rs: groups that are spread along a few oblique directions, in
eighths. All codes are learned from the vectors that they are measured on.
"""

import json
import pathlib

import faiss
import numpy as np

COUNT, DIMENSION, GROUPS, DIRECTIONS = 6000, 32, 40, 10


class Sequence:
    def __init__(self, state):
        self.state = state

    def below(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return ((self.state >> 33) * bound) >> 31


def vectors():
    sequence = Sequence(99)
    middle = [[sequence.below(401) - 200 for _ in range(DIMENSION)] for _ in range(GROUPS)]
    oblique = [[sequence.below(7) - 3 for _ in range(DIMENSION)] for _ in range(DIRECTIONS)]
    rows = []
    for _ in range(COUNT):
        row = list(middle[sequence.below(GROUPS)])
        for number, direction in enumerate(oblique):
            along = sequence.below(21 - number) + sequence.below(21 - number) - 20 + number
            row = [x + along * y for x, y in zip(row, direction)]
        rows.append([x + sequence.below(31) - 15 for x in row])
    return np.array(rows, np.float32) / 8


def error(index, rows):
    index.train(rows)
    decoded = index.sa_decode(index.sa_encode(rows))
    return float(((decoded.astype(np.float64) - rows) ** 2).sum(1).mean())


faiss.omp_set_num_threads(1)
rows = vectors()
errors = {name: error(faiss.index_factory(DIMENSION, name), rows)
          for name in ("PQ8x8", "PQ16x4", "OPQ8,PQ8x8", "OPQ8_16,PQ8x8", "SQ8", "SQ4", "RQ4x8")}
for name, kind in (("SQ8 uniform", "QT_8bit_uniform"), ("SQ4 uniform", "QT_4bit_uniform")):
    errors[name] = error(faiss.IndexScalarQuantizer(DIMENSION, getattr(faiss.ScalarQuantizer, kind)), rows)
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(
    {"faiss": faiss.__version__, "sum": float(rows.astype(np.float64).sum()), "errors": errors}, indent=1) + "\n")
