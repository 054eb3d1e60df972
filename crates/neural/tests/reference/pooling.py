"""Reference values for the poolings by NumPy and PyTorch, written to pooling.json.

Each function follows its paper's formula, not our code:
MAC, R-MAC: Tolias, Sicre & Jegou, "Particular object retrieval with integral max-pooling of CNN activations" (2016);
SPoC: Babenko & Lempitsky, "Aggregating deep convolutional features for image retrieval" (2015);
CroW: Kalantidis, Mellina & Osindero, "Cross-dimensional weighting for aggregated deep convolutional features" (2016);
GeM: Radenovic, Tolias & Chum, "Fine-tuning CNN image retrieval with no human annotation" (2018);
NetVLAD: Arandjelovic et al., "NetVLAD: CNN architecture for weakly supervised place recognition" (2016).
"""

import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F


def unit(v):
    return v / max(np.linalg.norm(v), 1e-12)


def mac(x):
    return F.adaptive_max_pool2d(torch.from_numpy(x)[None], 1).flatten().numpy()


def spoc(x):
    return F.adaptive_avg_pool2d(torch.from_numpy(x)[None], 1).flatten().numpy()


def gem(x, p):
    powers = torch.from_numpy(x)[None].clamp(min=1e-6).pow(p)
    return F.avg_pool2d(powers, x.shape[1:]).pow(1 / p).flatten().numpy()


def spoc_centre(x):
    _, h, w = x.shape
    ys, xs = np.mgrid[0:h, 0:w]
    cy, cx = (h - 1) / 2, (w - 1) / 2
    sigma = min(h / 2, w / 2) / 3  # a third of the way from the middle to the nearest border
    alpha = np.exp(-((ys - cy) ** 2 + (xs - cx) ** 2) / (2 * sigma**2))
    return (x * (alpha / alpha.sum())).sum((1, 2))


def crow(x):
    k, h, w = x.shape
    s = x.sum(0)
    s = np.sqrt(s / np.sqrt((s**2).sum()))
    q = (x > 0).sum((1, 2)) / (h * w)
    eps = 1e-6
    weights = np.log((k * eps + q.sum()) / (eps + q))
    return (x * s).sum((1, 2)) * weights


def r_mac(x, levels):
    """Regions as in the authors' later Python code: the whole map, then `levels` levels of squares."""
    _, H, W = x.shape
    w = min(W, H)
    best, extra = None, 0
    for index, step in enumerate([2, 3, 4, 5, 6, 7]):
        b = (max(H, W) - w) / (step - 1)
        off = abs((w * w - w * b) / (w * w) - 0.4)
        if best is None or off < best - 1e-12:
            best, extra = off, index + 1
    wd, hd = (extra if H < W else 0), (extra if H > W else 0)
    total = unit(x.max((1, 2)))
    for level in range(1, levels + 1):
        side = math.floor(2 * w / (level + 1))
        if side == 0:
            continue
        half = math.floor(side / 2 - 1)

        def starts(length, more):
            count = level + more
            b = 0 if count == 1 else (length - side) / (count - 1)
            return [math.floor(half + i * b) - half for i in range(count)]

        for y in starts(H, hd):
            for z in starts(W, wd):
                total = total + unit(x[:, y:y + side, z:z + side].max((1, 2)))
    return total


def netvlad(x, centres, alpha):
    k, h, w = x.shape
    t = torch.from_numpy(x).reshape(k, -1)
    t = F.normalize(t, dim=0)
    c = torch.from_numpy(centres)
    weights = torch.softmax(2 * alpha * c @ t - alpha * (c**2).sum(1, keepdim=True), dim=0)
    v = weights @ t.T - weights.sum(1, keepdim=True) * c
    return F.normalize(v, dim=1).flatten().numpy()


rng = np.random.default_rng(11)
centres = np.stack([unit(c) for c in np.abs(rng.normal(size=(3, 6)))])
cases = []
for h, w in [(5, 5), (4, 7), (9, 3), (1, 6), (8, 8)]:
    x = np.maximum(rng.normal(size=(6, h, w)), 0).round(3)
    x[2] = 0  # a channel that never responds
    pooled = {
        "mac": mac(x), "spoc": spoc(x), "spoc+centre": spoc_centre(x), "crow": crow(x),
        "r_mac:1": r_mac(x, 1), "r_mac:3": r_mac(x, 3), "gem:3": gem(x, 3), "gem:2.5": gem(x, 2.5),
        "netvlad": netvlad(x, centres, 12.0),
    }
    cases.append({
        "height": h, "width": w, "data": x.ravel().tolist(),
        "pooled": {name: [float(f"{v:.8g}") for v in values] for name, values in pooled.items()},
    })

pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps({
    "channels": 6, "centres": centres.ravel().tolist(), "alpha": 12.0, "cases": cases,
}))
