"""Reference for query expansion and database-side augmentation: float64 NumPy, written to expansion.json.

Pictures of one colour each become vectors as the network `tiny_clip_image` makes them: opponent colours and brightness, at
length 1. Average and alpha expansion are written from Chum et al. 2007 and Radenovic, Tolias & Chum 2018 (section 3.5),
augmentation from Turcot & Lowe 2009 with the weights of the latter.
"""

import json
import pathlib

import numpy as np

MATRIX = np.array([[2, -1, -1], [-1, 2, -1], [-1, -1, 2], [1, 1, 1]]) / 3
BIAS = np.array([0, 0, 0, -0.5])
QUERY = np.array([200, 90, 40])
# Which neighbours are taken must not hang on digits that half-precision vectors do not have.
GAP = 2e-3


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def described(rgb):
    return unit(np.asarray(rgb) / 255 @ MATRIX.T + BIAS)


def weights(similarities, alpha):
    return np.maximum(similarities, 0) ** alpha


def nearest(similar, count):
    order = np.argsort(-similar)
    gap = similar[order[count - 1]] - similar[order[count]]
    return order[:count], gap


def augmented(gallery, count, alpha):
    similar = gallery @ gallery.T
    np.fill_diagonal(similar, -np.inf)
    rows, gaps = [], []
    for row, of in zip(gallery, similar):
        near, gap = nearest(of, count)
        gaps.append(gap)
        rows.append(row + weights(of[near], alpha) @ gallery[near])
    return unit(np.array(rows)), min(gaps)


def expanded(asked, gallery, rows, count, alpha):
    similar = rows @ asked
    best, gap = nearest(similar, count)
    return unit(asked + weights(similar[best], alpha) @ gallery[best]), gap


def cases(colours):
    gallery, asked = described(colours), described(QUERY)
    wide, gap = augmented(gallery, 3, 3)
    found, gaps = {"none": gallery @ asked, "augment:3:3": wide @ asked}, [gap]
    for name, rows, count, alpha in [
        ("expand:average:4", gallery, 4, 0),
        ("expand:alpha:6:3", gallery, 6, 3),
        ("expand:alpha:6:2.5", gallery, 6, 2.5),
        ("augment:3:3,expand:alpha:6:3", wide, 6, 3),
    ]:
        query, gap = expanded(asked, gallery, rows, count, alpha)
        gaps.append(gap)
        found[name] = rows @ query
    return found, min(gaps)


for seed in range(10_000):
    colours = np.random.default_rng(seed).integers(0, 256, size=(24, 3))
    found, gap = cases(colours)
    if gap > GAP:
        break
print(f"seed {seed}, gap {gap:.4f}")
out = {
    "colours": colours.tolist(),
    "query": QUERY.tolist(),
    "cases": {name: [round(float(x), 9) for x in similar] for name, similar in found.items()},
}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")
