"""Reference of the projections: the fuzzy graph of umap-learn, and how trustworthy its map and scikit-learn's t-SNE are.

    python projection.py > projection.json        (umap-learn 0.5.12, scikit-learn 1.9, numpy 2.4)
"""

import json
import warnings

import numpy as np
import umap
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.neighbors import NearestNeighbors
from umap.umap_ import find_ab_params, fuzzy_simplicial_set

warnings.filterwarnings("ignore")
digits = load_digits().data[:200].astype(np.float32)
distances, indices = NearestNeighbors(n_neighbors=15, algorithm="brute").fit(digits).kneighbors()
# kneighbors() leaves the point itself out; umap-learn wants it first.
own = np.arange(len(digits))[:, None]
indices = np.hstack([own, indices[:, :14]])
distances = np.hstack([np.zeros_like(own, dtype=np.float32), distances[:, :14]])
graph, _, _ = fuzzy_simplicial_set(
    digits, 15, np.random.RandomState(1), "euclidean", knn_indices=indices, knn_dists=distances
)
graph = graph.tocoo()
a, b = find_ab_params(1.0, 0.1)
pca = PCA(2, svd_solver="full").fit_transform(digits)
mapped = umap.UMAP(init="pca", random_state=1).fit_transform(digits)
tsne = TSNE(init="pca", random_state=1).fit_transform(digits)
print(
    json.dumps(
        {
            "dimension": digits.shape[1],
            "samples": digits.astype(int).ravel().tolist(),
            "graph": [
                [int(i), int(j), round(float(w), 5)]
                for i, j, w in sorted(zip(graph.row, graph.col, graph.data))
                if w > 0
            ],
            "a": a,
            "b": b,
            "pca": [[round(float(v), 3) for v in row] for row in pca],
            "trustworthiness": {
                "pca": trustworthiness(digits, np.round(pca, 3), n_neighbors=5),
                "umap": trustworthiness(digits, mapped, n_neighbors=5),
                "tsne": trustworthiness(digits, tsne, n_neighbors=5),
            },
        }
    )
)
