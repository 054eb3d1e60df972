"""Reference for indexes of points: exact neighbours by SciPy and scikit-learn, hash values of E2LSH by NumPy, in float64, written
to neighbours.json."""

import json
import pathlib

import numpy as np
from scipy.spatial import cKDTree
from sklearn.neighbors import NearestNeighbors


class Sequence:
    """The generator of the Rust test."""

    def __init__(self, state):
        self.state = state

    def below(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return ((self.state >> 33) * bound) >> 31


def clustered(count, dimension, centres, spread, seed):
    sequence = Sequence(seed)
    middle = [[20 + sequence.below(200) for _ in range(dimension)] for _ in range(centres)]
    return np.array([[x - spread + sequence.below(2 * spread + 1) for x in middle[sequence.below(centres)]]
                     for _ in range(count)], np.float64)


def nearest(points, queries, k):
    """Rows and squared distances; by two programs, which must agree. Equal distances by row."""
    ways = [NearestNeighbors(n_neighbors=k + 10, algorithm="brute").fit(points).kneighbors(queries)[1],
            cKDTree(points).query(queries, k + 10)[1]]
    answers = []
    for rows in ways:
        found = []
        for query, row in zip(queries, rows):
            squared = ((points[row] - query) ** 2).sum(1)
            order = np.lexsort((row, squared))[:k]
            found.append((row[order].tolist(), squared[order].tolist()))
        answers.append(found)
    assert answers[0] == answers[1]
    return {"rows": [rows for rows, _ in answers[0]], "distances": [d for _, d in answers[0]]}


result = {}
for name, dimension, scale in (("bytes", 24, 1), ("floats", 10, 0.25)):
    points = clustered(800, dimension, 40, 12, 11) * scale
    queries = clustered(25, dimension, 40, 12, 11)[:25] * scale
    queries = queries + np.array([[(i * j) % 5 - 2 for j in range(dimension)] for i in range(25)]) * scale
    queries = np.clip(queries, 0, 255)
    result[name] = {"dimension": dimension, **nearest(points, queries, 5)}

rng = np.random.default_rng(4)
dimension, functions, width = 9, 6, np.float32(1.75)
directions = rng.normal(size=(functions, dimension)).astype(np.float32)
offsets = (rng.uniform(size=functions) * width).astype(np.float32)
points = (rng.normal(size=(60, dimension)) * 4).astype(np.float32)
places = (points.astype(np.float64) @ directions.T.astype(np.float64) + offsets) / np.float64(width)
# Points on a border may fall to either side in single precision.
clear = (np.abs(places - np.round(places)) > 1e-4).all(1)
listed = lambda a: np.asarray(a, np.float64).ravel().tolist()
result["e2lsh"] = {"dimension": dimension, "width": float(width), "directions": listed(directions),
                   "offsets": listed(offsets), "points": listed(points[clear]),
                   "values": np.floor(places[clear]).astype(int).ravel().tolist()}

pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(result))
