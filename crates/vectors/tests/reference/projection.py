"""Reference for projections: PCA, PCA-whitening and learned whitening by NumPy, written to projection.json.

Learned whitening is written from its description in Radenović, Tolias & Chum, "Fine-tuning CNN image retrieval with
no human annotation" (2018), section 3.4: S is the covariance of the differences of matching pairs, P = L^-1 of its
Cholesky factor, then the eigenvectors of the scatter of all whitened samples.
"""

import json
import pathlib

import numpy as np

rng = np.random.default_rng(7)
n, d = 40, 6
mix = rng.normal(size=(d, d)) * np.array([3, 2, 1.5, 1, 0.5, 0.3])
samples = (rng.normal(size=(n, d)) @ mix.T + rng.normal(size=d)).astype(np.float32)
# Matching rows differ by noise that is stronger along some axes.
noise = rng.normal(size=(n // 2, d)) * np.array([0.1, 0.4, 0.2, 0.1, 0.3, 0.2])
samples[1::2] = samples[0::2] + noise.astype(np.float32)
pairs = [(2 * i, 2 * i + 1) for i in range(n // 2)]


def signed(rows):
    return np.array([r * np.sign(r[np.argmax(np.abs(r))]) for r in rows])


def pca(x, keep, whiten):
    x = x.astype(np.float64)
    mean = x.mean(0)
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=False))
    order = np.argsort(-values)[:keep]
    rows = vectors[:, order].T
    if whiten:
        rows = rows / np.sqrt(values[order])[:, None]
    return mean, signed(rows)


def learned(x, pairs, keep):
    x = x.astype(np.float64)
    first, second = x[[a for a, _ in pairs]], x[[b for _, b in pairs]]
    mean = first.mean(0)
    difference = first - second
    inverse = np.linalg.inv(np.linalg.cholesky(difference.T @ difference / len(pairs)))
    white = inverse @ (x - mean).T
    values, vectors = np.linalg.eigh(white @ white.T)
    order = np.argsort(-values)[:keep]
    return mean, signed(vectors[:, order].T @ inverse)


few = samples[:4]  # fewer samples than dimensions
cases = {}
for name, (x, (mean, rows)) in {
    "pca": (samples, pca(samples, 4, False)),
    "pca_whitened": (samples, pca(samples, 4, True)),
    "few": (few, pca(few, 3, True)),
    "learned": (samples, learned(samples, pairs, 4)),
}.items():
    cases[name] = {
        "mean": mean.tolist(),
        "rows": rows.tolist(),
        "applied": ((x - mean) @ rows.T).tolist(),
    }

out = pathlib.Path(__file__).with_suffix(".json")
out.write_text(json.dumps({
    "dimension": d,
    "samples": samples.astype(float).ravel().tolist(),
    "pairs": pairs,
    "cases": cases,
}))
