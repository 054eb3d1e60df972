"""Values and gradients of the losses, computed by PyTorch's automatic differentiation in double precision.

Needs torch. Writes losses.json beside itself:

    python crates/training/tests/reference/losses.py
"""

import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)

ROWS, LENGTH = 12, 6
LABELS = [0, 0, 1, 1, 2, 2, 0, 1, 2, 3, 3, 4]
GROUPS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def directions(rows):
    """Rows of length 1 that single precision holds exactly enough."""
    return F.normalize(torch.randn(rows, LENGTH), dim=1).float().double()


first, second = directions(ROWS), directions(ROWS)
labels, groups = torch.tensor(LABELS), torch.tensor(GROUPS)
pairs = [(0, 1, True), (2, 3, True), (0, 2, False), (4, 8, True), (5, 9, False), (7, 11, False), (6, 1, True)]
triplets = [(0, 1, 2), (2, 3, 0), (4, 5, 9), (6, 0, 11), (9, 10, 3), (8, 4, 7), (7, 2, 5)]
choices = [(0, 0, 3, 1.5), (2, 2, 7, 1.0), (5, 5, 1, 2.283333), (9, 9, 4, 1.833333)]
cases = []


def case(name, inputs, loss, **settings):
    inputs = [tensor.clone().requires_grad_(True) for tensor in inputs]
    value = loss(*inputs)
    value.backward()
    gradients = [tensor.grad.flatten().tolist() for tensor in inputs]
    cases.append({"name": name, **settings, "value": value.item(), "gradients": gradients})


def columns(rows):
    return [torch.tensor([row[i] for row in rows]) for i in range(len(rows[0]))]


def contrastive(x, margin):
    a, b, relevant = columns(pairs)
    squared = (x[a] - x[b]).square().sum(1)
    far = F.relu(margin - (squared + 1e-12).sqrt()).square()
    return torch.where(relevant, squared, far).mean() / 2


def triplet(x, distance, margin):
    a, p, n = (x[i] for i in columns(triplets))

    def measured(u, v):
        squared = (u - v).square().sum(1)
        return {"squared-euclidean": squared, "euclidean": (squared + 1e-12).sqrt(), "cosine": 1 - (u * v).sum(1)}[distance]

    return F.relu(measured(a, p) - measured(a, n) + margin).mean()


def average_precision(x, bins):
    similarity = x @ x.T
    centres = torch.linspace(1, -1, bins)
    width = 2 / (bins - 1)
    shares = (1 - (similarity[..., None] - centres).abs() / width).clamp(min=0)
    shares = shares * (1 - torch.eye(ROWS))[..., None]
    relevant = (labels[:, None] == labels[None]).double() * (1 - torch.eye(ROWS))
    hits = (shares * relevant[..., None]).sum(1)
    everything = shares.sum(1)
    precision = hits.cumsum(1) / everything.cumsum(1).clamp(min=1e-16)
    total = relevant.sum(1)
    kept = total > 0
    return 1 - ((precision * hits).sum(1)[kept] / total[kept]).mean()


def info_nce(x, y, temperature):
    logits = x @ y.T / temperature
    same = (groups[:, None] == groups[None]) & ~torch.eye(ROWS, dtype=torch.bool)
    logits = logits.masked_fill(same, -torch.inf)
    target = torch.arange(ROWS)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def info_nce_labelled(x, temperature):
    logits = x @ x.T / temperature
    found = []
    for a in range(ROWS):
        for p in range(ROWS):
            if a != p and labels[a] == labels[p]:
                others = logits[a][labels != labels[a]]
                found.append(torch.logsumexp(torch.cat([logits[a, p][None], others]), 0) - logits[a, p])
    return torch.stack(found).mean()


def hinges(x, y, margin, of):
    similarity = x @ y.T
    different = groups[:, None] != groups[None]

    def direction(matrix):
        cost = F.relu(margin + matrix - matrix.diag()[:, None]) * different
        return cost.max(1).values.mean() if of == "max" else cost.sum() / different.sum()

    return direction(similarity) + direction(similarity.T)


def ranking(anchors, others, margin):
    q, p, n = columns(triplets)
    right, wrong = (anchors[q] * others[p]).sum(1), (anchors[q] * others[n]).sum(1)
    return F.relu(margin - right + wrong).mean() / 2


def warp(x, y, margin):
    q, p, n, weight = columns(choices)
    violation = F.relu(margin - (x[q] * y[p]).sum(1) + (x[q] * y[n]).sum(1))
    return (violation * weight).sum() / ROWS


case("softmax", [first * 3], lambda x: F.cross_entropy(x, labels))
for margin in (0.7, 1.4):
    case("contrastive", [first], lambda x: contrastive(x, margin), margin=margin)
for distance, margin in (("squared-euclidean", 0.5), ("euclidean", 0.3), ("cosine", 0.2)):
    case("triplet", [first], lambda x: triplet(x, distance, margin), distance=distance, margin=margin)
for bins in (10, 25):
    case("average-precision", [first], lambda x: average_precision(x, bins), bins=bins)
case("info-nce", [first, second], lambda x, y: info_nce(x, y, 0.1), temperature=0.1)
case("info-nce-labelled", [first], lambda x: info_nce_labelled(x, 0.07), temperature=0.07)
for of in ("max", "mean"):
    case("hinges", [first, second], lambda x, y: hinges(x, y, 0.2, of), margin=0.2, of=of)
case("visual-ranking", [first], lambda x: ranking(x, x, 0.3), margin=0.3)
case("image-anchored-ranking", [first, second], lambda x, y: ranking(x, y, 0.3), margin=0.3)
case("caption-anchored-ranking", [first, second], lambda x, y: ranking(y, x, 0.3), margin=0.3)
case("warp", [first, second], lambda x, y: warp(x, y, 0.1), margin=0.1)

document = {
    "rows": ROWS,
    "length": LENGTH,
    "labels": LABELS,
    "groups": GROUPS,
    "first": first.flatten().tolist(),
    "second": second.flatten().tolist(),
    "pairs": pairs,
    "triplets": triplets,
    "choices": choices,
    "cases": cases,
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(document) + "\n")
