"""Inertia that scikit-learn's KMeans reaches on a fixed set of byte vectors.

python kmeans.py > kmeans.json        # numpy, scikit-learn

The points are made by the same generator as in tests/kmeans.rs.
"""

import json

import numpy
import sklearn
from sklearn.cluster import KMeans

MASK = (1 << 64) - 1


class Sequence:
    def __init__(self, state):
        self.state = state

    def below(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) & MASK
        return ((self.state >> 33) * bound) >> 31


def points(count, centres, spread):
    sequence = Sequence(77)
    middle = [[sequence.below(16) * sequence.below(10) for _ in range(128)] for _ in range(centres)]
    rows = []
    for _ in range(count):
        centre = middle[sequence.below(centres)]
        rows.append([max(0, x + sequence.below(2 * spread + 1) - spread) for x in centre])
    return numpy.array(rows, dtype=numpy.float64)


def main():
    rows = points(3000, 90, 40)
    results = []
    for clusters in (16, 64, 200):
        inertias = sorted(
            KMeans(clusters, init="k-means++", n_init=1, max_iter=50, random_state=seed).fit(rows).inertia_
            for seed in range(9)
        )
        results.append({"clusters": clusters, "best": inertias[0], "median": inertias[4], "worst": inertias[-1]})
    print(json.dumps({"scikit-learn": sklearn.__version__, "sum": float(rows.sum()), "results": results}, indent=1))


main()
