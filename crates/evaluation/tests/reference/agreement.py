"""Rank correlations of tied data by SciPy, and pairwise accuracy by its definition.

    python agreement.py > agreement.json        (scipy 1.17, numpy 2.4)
"""

import json

import numpy as np
from scipy import stats


def pairwise_accuracy(x, y):
    right = judged = 0.0
    for i in range(len(x)):
        for j in range(i):
            if y[i] != y[j]:
                judged += 1
                product = (x[i] - x[j]) * (y[i] - y[j])
                right += 0.5 if product == 0 else float(product > 0)
    return right / judged


def case(rng, n, levels_x, levels_y):
    y = rng.integers(1, levels_y + 1, n).astype(float)
    x = y + rng.normal(0, 1.5, n)
    if levels_x:
        x = np.round(x * levels_x / 8)
    return {
        "x": x.tolist(),
        "y": y.tolist(),
        "spearman": stats.spearmanr(x, y).statistic,
        "kendall_tau_b": stats.kendalltau(x, y, variant="b").statistic,
        "kendall_tau_c": stats.kendalltau(x, y, variant="c").statistic,
        "pairwise_accuracy": pairwise_accuracy(x, y),
    }


rng = np.random.default_rng(5)
cases = [case(rng, *shape) for shape in [(40, 0, 4), (60, 8, 4), (25, 3, 9), (2, 0, 50), (80, 0, 80)]]
print(json.dumps(cases))
