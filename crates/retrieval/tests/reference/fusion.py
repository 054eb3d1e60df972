"""Reference for query-adaptive late fusion, written to fusion.json: float64 NumPy, quantiles by SciPy.

Written from Zheng et al. 2015: weights are one over the area under the sorted scores less a reference curve, scaled to 1; scores
are multiplied with these as exponents. The reference curve is that of normal scores fitted to the second half of the list.
"""

import json
import pathlib

import numpy as np
from scipy.stats import norm

rng = np.random.default_rng(9)


def area(scores, of):
    ranks = np.arange(1, len(scores) + 1)
    usual = norm.ppf(1 - (ranks - 0.375) / (max(of, len(scores)) + 0.25))
    half = len(scores) // 2
    slope, base = np.polyfit(usual[half:], scores[half:], 1)
    if slope < 0:
        slope, base = 0, np.mean(scores[half:])
    above = np.maximum(scores - (base + slope * usual), 0)
    return (above / above.max()).mean()


def falling(values):
    return np.sort(values)[::-1].round(9)


lists = []
for count, of, relevant in [(20, 20, 2), (50, 500, 1), (200, 10_000, 30), (100, 100, 0), (30, 1000, 30)]:
    scores = falling(np.concatenate([rng.normal(0.2, 0.05, count - relevant), rng.uniform(0.3, 0.9, relevant)]))
    lists.append({"scores": scores.tolist(), "of": of, "area": area(scores, of)})

words = [(int(k), float(s)) for k, s in zip(rng.permutation(60)[:25], falling(rng.gamma(1, 0.1, 25)))]
vectors = [(int(k), float(s)) for k, s in zip(rng.permutation(60)[:40], falling(rng.normal(0.5, 0.1, 40)))]
padded = [np.array([s for _, s in found] + [0.0] * (40 - len(found))) for found in (words, vectors)]
weights = np.array([1.0, 0.5]) / [area(scores, 500) for scores in padded]
weights /= weights.sum()
fused = {}
for key in sorted({k for k, _ in words} | {k for k, _ in vectors}):
    factors = [dict(found).get(key, 0.0) / found[0][1] for found in (words, vectors)]
    fused[key] = float(np.prod(np.clip(factors, 1e-3, 1) ** weights))
expected = sorted(fused.items(), key=lambda pair: (-pair[1], pair[0]))

quantiles = [[p, float(norm.ppf(p))] for p in [1e-12, 1e-5, 0.01, 0.024, 0.03, 0.2, 0.5, 0.77, 0.97, 0.98, 0.9999]]
out = {"lists": lists, "quantiles": quantiles, "fused": {"words": words, "global": vectors, "expected": expected}}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")
