"""Reference for learned binary codes, in float64 by NumPy, written to hashing.json: spectral hashing as Weiss, Torralba and Fergus
publish it, and the rotation of iterative quantisation as Gong and Lazebnik do."""

import json
import pathlib

import numpy as np

rng = np.random.default_rng(8)
dimension, count = 8, 160
scales = np.array([5, 3.5, 3, 2, 1.5, 1, 0.5, 0.3])
basis, _ = np.linalg.qr(rng.normal(size=(dimension, dimension)))
samples = ((rng.uniform(-1, 1, size=(count, dimension)) * scales) @ basis.T + 2).astype(np.float32)
X = samples.astype(np.float64)
values, vectors = np.linalg.eigh(np.cov(X.T))
vectors = vectors[:, ::-1]
# Of two signs the one that makes the largest entry positive.
largest = np.abs(vectors).argmax(0)
vectors = vectors * np.sign(vectors[largest, np.arange(dimension)])


def spectral(bits):
    kept = min(bits, dimension)
    V = (X - X.mean(0)) @ vectors[:, :kept]
    eps = np.finfo(float).eps
    low, high = V.min(0) - eps, V.max(0) + eps
    sides = high - low
    most = np.ceil((bits + 1) * sides / sides.max()).astype(int)
    modes = np.ones((most.sum() - kept + 1, kept), int)
    at = 0
    for axis in range(kept):
        modes[at + 1:at + most[axis], axis] = np.arange(2, most[axis] + 1)
        at += most[axis] - 1
    modes -= 1
    omegas = modes * (np.pi / sides)
    order = np.argsort((omegas**2).sum(1), kind="stable")
    chosen = order[1:bits + 1]
    # All rows of the samples, and some outside of the box that was learned.
    queries = np.concatenate([X, X[:40] * 1.7 - 1])
    Q = (queries - X.mean(0)) @ vectors[:, :kept] - low
    waves = np.array([np.prod(np.sin(Q * omegas[mode] + np.pi / 2), axis=1) for mode in chosen]).T
    clear = (np.abs(waves) > 1e-3).all(1)
    codes = ["".join("1" if bit else "0" for bit in row) for row in waves[clear] > 0]
    axes = modes[chosen].argmax(1)
    return {"bits": bits, "waves": [[int(a), int(modes[m, a])] for m, a in zip(chosen, axes)],
            "rows": np.flatnonzero(clear).tolist(), "codes": codes}


def itq(bits, rounds):
    V = ((X - X.mean(0)) @ vectors[:, :bits]).astype(np.float32)
    start, _ = np.linalg.qr(rng.normal(size=(bits, bits)))
    W, R = V.astype(np.float64), start
    losses = []
    for _ in range(rounds):
        B = np.where(W @ R >= 0, 1.0, -1.0)
        losses.append(float(((B - W @ R) ** 2).sum()))
        UB, _, UA = np.linalg.svd(B.T @ W)
        R = UA.T @ UB.T
    return {"bits": bits, "rounds": rounds, "projected": [float(x) for x in V.ravel()], "start": start.ravel().tolist(),
            "rotation": R.ravel().tolist(), "losses": losses}


pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps({
    "dimension": dimension,
    "samples": [float(x) for x in samples.ravel()],
    "spectral": [spectral(6), spectral(24)],
    "itq": itq(5, 12),
}))
