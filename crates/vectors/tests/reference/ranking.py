"""Reference for ranking by neighbours, written to ranking.json: float64 NumPy, and scikit-learn for the linear machine.

Diffusion is written from Iscen et al. 2017 and solved densely; a conjugate gradient of its own must agree. Generalised max pooling is
written from Murray & Perronnin 2014, k-reciprocal re-ranking from Zhong et al. 2017 with distances divided by the greatest from each item.
"""

import json
import pathlib

import numpy as np
from sklearn.svm import LinearSVC

ALPHA, GAMMA = 0.99, 3
# Which neighbours are taken must not hang on digits that single precision does not have.
GAP = 2e-5


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def blobs(rng, count, dimension, groups, spread):
    centres = unit(rng.normal(size=(groups, dimension)))
    rows = centres[rng.integers(groups, size=count)] + spread * rng.normal(size=(count, dimension))
    return rows.astype(np.float32).round(5).astype(np.float32)


def nearest(similar, count):
    order = np.argsort(-similar, kind="stable")
    gap = similar[order[count - 1]] - similar[order[count]] if count < len(order) else 1.0
    return order[:count], gap


def affinity(rows, neighbours, mutual):
    similar = rows @ rows.T
    np.fill_diagonal(similar, -np.inf)
    near, gaps = np.zeros_like(similar, bool), []
    for at, line in enumerate(similar):
        best, gap = nearest(line, neighbours)
        near[at, best] = True
        gaps.append(gap)
    linked = near & near.T if mutual else near | near.T
    np.fill_diagonal(similar, 0)
    return np.where(linked, np.maximum(similar, 0) ** GAMMA, 0), min(gaps)


def normalised(weights):
    degree = weights.sum(1)
    root = np.where(degree > 0, 1 / np.sqrt(np.where(degree > 0, degree, 1)), 0)
    return root[:, None] * weights * root


def conjugate_gradient(matrix, b):
    x, r = np.zeros_like(b), b.copy()
    p = r.copy()
    for _ in range(2000):
        if r @ r < 1e-26:
            break
        image = matrix @ p
        step = (r @ r) / (p @ image)
        x, after = x + step * p, r - step * image
        p, r = after + (after @ after) / (r @ r) * p, after
    return x


def spread(weights, y):
    matrix = np.eye(len(y)) - ALPHA * normalised(weights)
    found = np.linalg.solve(matrix, (1 - ALPHA) * y)
    assert np.allclose(found, conjugate_gradient(matrix, (1 - ALPHA) * y), rtol=1e-8, atol=1e-12)
    return found


def given(queries, rows, count):
    y, gaps = np.zeros(len(rows)), []
    for query in queries:
        similar = rows @ query
        best, gap = nearest(similar, count)
        y[best] += np.maximum(similar[best], 0) ** GAMMA
        gaps.append(gap)
    return y, min(gaps)


def pooled(rows, f, each):
    out = []
    for at in range(0, len(rows), each):
        part, values = rows[at : at + each], f[at : at + each]
        out.append(values @ np.linalg.solve(part @ part.T + np.eye(each), np.ones(each)))
    return out


def diffusion():
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        raw = blobs(rng, 60, 6, 7, 0.25)
        asked = blobs(rng, 2, 6, 1, 0.4)
        rows, queries = unit(raw.astype(float)), unit(asked.astype(float))
        cases, gaps = {}, []
        for name, mutual in [("mutual", True), ("either", False)]:
            weights, gap = affinity(rows, 8, mutual)
            one, near = given(queries[:1], rows, 5)
            both, nearer = given(queries, rows, 5)
            part, cut = nearest(rows @ queries[0], 25)
            gaps += [gap, near, nearer, cut]
            f = spread(weights, both)
            cases[name] = {
                "weights": [[int(i), int(j), weights[i, j]] for i, j in np.argwhere(weights > 0) if i < j],
                "whole": spread(weights, one).tolist(),
                "regions": f.tolist(),
                "sum": f.reshape(-1, 3).sum(1).tolist(),
                "generalised": pooled(rows, f, 3),
                "part": part.tolist(),
                "truncated": spread(weights[np.ix_(part, part)], one[part]).tolist(),
            }
        if min(gaps) > GAP:
            print(f"diffusion: seed {seed}, gap {min(gaps):.1e}")
            return {"rows": raw.ravel().tolist(), "queries": asked.ravel().tolist(), **cases}


def reciprocal():
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        raw = blobs(rng, 41, 5, 6, 0.3)
        rows = unit(raw.astype(float))
        d = np.maximum(2 - 2 * rows @ rows.T, 0)
        np.fill_diagonal(d, 0)
        d /= d.max(1, keepdims=True)
        order = np.argsort(d, axis=1, kind="stable")
        gaps = np.diff(np.sort(d, axis=1), axis=1)[:, 1:].min()
        if gaps < 3e-6:
            continue
        print(f"reciprocal: seed {seed}, gap {gaps:.1e}")
        cases = [reranked(d, order, *figures) for figures in [(6, 3, 0.3), (10, 1, 0.0), (9, 6, 0.5), (20, 6, 0.3)]]
        return {"rows": raw.ravel().tolist(), "cases": cases}


def reranked(d, order, k1, k2, weight):
    def both(i, k):
        return {j for j in order[i, : k + 1] if i in order[j, : k + 1]}

    vectors = np.zeros_like(d)
    for i in range(len(d)):
        own = both(i, k1)
        wide = set(own)
        for j in own:
            half = both(j, (k1 + 1) // 2)
            if len(half & own) >= 2 / 3 * len(half):
                wide |= half
        members = sorted(wide)
        vectors[i, members] = np.exp(-d[i, members])
    mean = np.array([vectors[order[i, :k2]].mean(0) for i in range(len(d))])
    jaccard = [1 - np.minimum(mean[0], v).sum() / np.maximum(mean[0], v).sum() for v in mean[1:]]
    mixed = (1 - weight) * np.array(jaccard) + weight * d[0, 1:]
    return {"k1": k1, "k2": k2, "lambda": weight, "distances": mixed.tolist()}


def machine():
    rng = np.random.default_rng(4)
    rows = blobs(rng, 50, 8, 5, 0.5)
    sides = (rows[:, 0] + 0.4 * rng.normal(size=50) > 0.3).astype(int)
    cases = []
    for cost in [0.1, 1.0, 10.0]:
        found = LinearSVC(C=cost, loss="hinge", dual=True, tol=1e-10, max_iter=2_000_000).fit(rows.astype(float), sides)
        cases.append({"cost": cost, "weights": found.coef_[0].tolist(), "offset": float(found.intercept_[0])})
    return {"rows": rows.ravel().tolist(), "positive": [bool(s) for s in sides], "cases": cases}


def short(value):
    if isinstance(value, float):
        return float(f"{value:.8g}")
    if isinstance(value, dict):
        return {name: short(part) for name, part in value.items()}
    return [short(part) for part in value] if isinstance(value, list) else value


out = {"diffusion": diffusion(), "reciprocal": reciprocal(), "machine": machine()}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(short(out)) + "\n")
