"""Reference for vocabulary trees: NumPy in double precision reads fixtures/v3.vzcb, written to tree.json.

Every descriptor goes to the nearest child until it is at a leaf; several words are looked for along the nearest nodes that were left
aside, until four leaves for each were compared.
"""

import heapq
import json

import numpy as np
from codebook_file import FIXTURES

HERE = FIXTURES.parent / "reference"
data = (FIXTURES / "v3.vzcb").read_bytes()
version, words, nodes = (int(x) for x in np.frombuffer(data, "<u4", 3, 4))
assert version == 3
centres = np.frombuffer(data, np.uint8, nodes * 128, 36 + 128 * 128).reshape(nodes, 128).astype(np.float64)
counts = np.frombuffer(data, "<u4", nodes, 36 + 128 * 128 + nodes * 128).astype(int)
first = 1 + np.concatenate([[0], np.cumsum(counts)[:-1]])
word_of = np.cumsum(counts == 0) - 1
assert (counts == 0).sum() == words

rng = np.random.default_rng(17)
leaves = centres[counts == 0]
rows = leaves[rng.integers(0, words, 60)] + rng.normal(0, 30, (60, 128))
descriptors = np.clip(rows.round(), 0, 255).astype(np.uint8)


def descend(node, descriptor, passed):
    """The leaf below a node, and its distance."""
    distance = 0.0
    while counts[node]:
        children = np.arange(first[node], first[node] + counts[node])
        distances = ((centres[children] - descriptor) ** 2).sum(1)
        best = int(distances.argmin())
        passed += [(d, int(c)) for d, c in zip(distances, children) if c != children[best]]
        node, distance = int(children[best]), distances[best]
    return distance, node


def several(descriptor, count):
    aside, compared, start = [], {}, 0
    while True:
        passed = []
        distance, leaf = descend(start, descriptor, passed)
        compared[leaf] = distance
        for distance, node in passed:
            if counts[node]:
                heapq.heappush(aside, (distance, node))
            else:
                compared[node] = distance
        if len(compared) >= 4 * count or not aside:
            break
        start = heapq.heappop(aside)[1]
    own = descend(0, descriptor, [])[1]
    order = sorted(compared, key=lambda leaf: (compared[leaf], leaf))[:count]
    if own not in order:
        order[-1] = own
        order.sort(key=lambda leaf: (compared[leaf], leaf))
    return [[int(word_of[leaf]), int(compared[leaf])] for leaf in order]


asked = [d.astype(np.float64) for d in descriptors]
(HERE / "tree.json").write_text(json.dumps({
    "descriptors": [d.tobytes().hex() for d in descriptors],
    "words": [int(word_of[descend(0, d, [])[1]]) for d in asked],
    "several": [several(d, 3) for d in asked],
}))
