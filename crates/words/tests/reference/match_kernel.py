"""Reference for ASMK and ASMK*: scores of the package asmk 0.1.1 on the words of fixtures/v1.vzcb, written to match_kernel.json.

pip install numpy asmk==0.1.1 faiss-cpu
"""

import json
import pathlib
from types import SimpleNamespace

import numpy as np
from asmk.inverted_file import IVF
from asmk.kernel import ASMKKernel
from codebook_file import FIXTURES, read

rotation, words = read(FIXTURES / "v1.vzcb")
rng = np.random.default_rng(11)


def picture(features, among):
    """Descriptors around some words, several of a word as a rule."""
    chosen = words[rng.choice(among, features)]
    return np.clip(chosen + rng.normal(0, 14, chosen.shape).round(), 0, 255).astype(np.uint8)


# Every word occurs somewhere, few in all images.
gallery = [picture(24, np.arange(24))] + [picture(12, rng.choice(24, 7, replace=False)) for _ in range(9)]
query = picture(14, rng.choice(24, 6, replace=False))
query[:5] = np.clip(gallery[4][:5] + rng.normal(0, 4, (5, 128)).round(), 0, 255)


def nearest(descriptors, count):
    distances = ((descriptors[:, None].astype(np.int64) - words) ** 2).sum(2)
    return np.argsort(distances, axis=1, kind="stable")[:, :count]


def scores(binary, idf, assignment, alpha, threshold):
    # The signs are those of the first 64 of the rotated dimensions.
    turn = (lambda rows: rows @ rotation[:64].T) if binary else (lambda rows: rows)
    turned = lambda rows: turn(rows.astype(np.int64)).astype(np.float32)
    kernel = ASMKKernel(SimpleNamespace(centroids=turned(words)), binary=binary)
    ids = np.repeat(np.arange(len(gallery)), [len(g) for g in gallery])
    rows = np.concatenate(gallery)
    ivf = IVF.initialize_empty(codebook_size=len(words), use_idf=idf)
    ivf.add(*kernel.aggregate(turned(rows), nearest(rows, 1), ids))
    similar = lambda *a: kernel.similarity(*a, alpha=alpha, similarity_threshold=threshold)
    aggregated = kernel.aggregate_image(turned(query), nearest(query, assignment))
    ranks, found = ivf.search(*aggregated, similarity_func=similar, topk=len(gallery))
    by_image = np.empty(len(gallery))
    by_image[ranks] = found
    return by_image.tolist()


cases = [
    {"binary": binary, "idf": idf, "assignment": assignment, "alpha": alpha, "threshold": threshold,
     "scores": scores(binary, idf, assignment, alpha, threshold)}
    for binary in (True, False)
    for idf in (False, True)
    for assignment in (1, 5)
    for alpha, threshold in ((3.0, 0.0), (2.0, 0.25))
]
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps({
    "gallery": [[d.tobytes().hex() for d in g] for g in gallery],
    "query": [d.tobytes().hex() for d in query],
    "cases": cases,
}))
