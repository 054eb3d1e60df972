"""Reference values of the metrics: an implementation of its own in numpy, straight from the definitions.

It shares nothing with the Rust code: average precision is computed by walking the list as `compute_ap` of Oxford5k
describes it (Philbin et al. 2007), mP@k from the description of Radenović et al. 2018, F1 from sets, AUROC by
scikit-learn.

    python metrics.py > metrics.json        (numpy 2.4, scikit-learn 1.9)
"""

import json

import numpy as np
from sklearn.metrics import roc_auc_score

GALLERY = 60


def walk(ranked, positive, junk):
    """The Oxford program: precision and recall updated image by image, junk passed over."""
    old_recall, old_precision, area = 0.0, 1.0, 0.0
    hits = seen = 0
    for image in ranked:
        if image in junk:
            continue
        if image in positive:
            hits += 1
        seen += 1
        recall, precision = hits / len(positive), hits / seen
        area += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision = recall, precision
    return area


def plain(ranked, positive, junk):
    clean = [image for image in ranked if image not in junk]
    total = 0.0
    for place, image in enumerate(clean, start=1):
        if image in positive:
            total += len(positive & set(clean[:place])) / place
    return total / len(positive)


def mp_at(ranked, positive, junk, k):
    clean = [image for image in ranked if image not in junk]
    places = np.array([place for place, image in enumerate(clean, start=1) if image in positive])
    if len(places) == 0:
        return 0.0
    bound = min(places.max(), k)
    return float((places <= bound).sum() / bound)


def setups(case):
    easy, hard, junk = set(case["easy"]), set(case["hard"]), set(case["junk"])
    return {"easy": (easy, junk | hard), "medium": (easy | hard, junk), "hard": (hard, junk | easy)}


def expected(case):
    result = {}
    for name, (positive, junk) in setups(case).items():
        if positive:
            result[name] = {
                "oxford_ap": walk(case["ranked"], positive, junk),
                "plain_ap": plain(case["ranked"], positive, junk),
                "mp@1": mp_at(case["ranked"], positive, junk, 1),
                "mp@5": mp_at(case["ranked"], positive, junk, 5),
                "mp@10": mp_at(case["ranked"], positive, junk, 10),
            }
    return result


def make_case(rng):
    order = rng.permutation(GALLERY)
    sizes = rng.integers(0, 8, size=3)
    easy, hard, junk = np.split(order[: sizes.sum()], np.cumsum(sizes)[:2])
    # Relevant images tend to the head of the list, which is cut somewhere.
    keys = rng.random(GALLERY)
    keys[easy] *= 0.15
    keys[hard] *= 0.5
    ranked = np.argsort(keys)[: rng.integers(5, GALLERY + 1)]
    nfa = np.sort(np.round(rng.normal(-2, 4, size=len(ranked)), 0))
    case = {
        "easy": sorted(easy.tolist()),
        "hard": sorted(hard.tolist()),
        "junk": sorted(junk.tolist()),
        "ranked": ranked.tolist(),
        "log10_nfa": nfa.tolist(),
    }
    case["expected"] = expected(case)
    return case


def verdicts(cases, threshold):
    """Pooled and per-query F1 when everything with log10 NFA below the threshold is claimed."""
    true = false = missed = 0
    per_query = []
    for case in cases:
        positive, junk = setups(case)["medium"]
        claimed = {i for i, n in zip(case["ranked"], case["log10_nfa"]) if n < threshold} - junk
        counts = (len(claimed & positive), len(claimed - positive), len(positive - claimed))
        true, false, missed = true + counts[0], false + counts[1], missed + counts[2]
        per_query.append(1.0 if sum(counts) == 0 else 2 * counts[0] / (2 * counts[0] + counts[1] + counts[2]))
    precision, recall = true / (true + false), true / (true + missed)
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall),
        "f1_per_query": float(np.mean(per_query)),
    }


def aurocs(cases):
    labels, scores, known, highest = [], [], [], []
    for case in cases:
        positive, junk = setups(case)["medium"]
        confidence = {i: -n for i, n in zip(case["ranked"], case["log10_nfa"]) if i not in junk}
        for image in sorted(set(range(GALLERY)) - junk):
            labels.append(image in positive)
            scores.append(confidence.get(image, -1e9))
        known.append(bool(positive))
        highest.append(max(confidence.values(), default=-1e9))
    return {
        "pair_auroc": float(roc_auc_score(labels, scores)),
        "verdict_auroc": float(roc_auc_score(known, highest)),
    }


def main():
    rng = np.random.default_rng(20180329)
    cases = [make_case(rng) for _ in range(24)]
    cases[3].update(easy=[], hard=[])
    cases[11].update(easy=[], hard=[])
    for case in cases:
        case["expected"] = expected(case)
    means = {
        setup: {
            name: float(np.mean([c["expected"][setup][name] for c in cases if setup in c["expected"]]))
            for name in ("oxford_ap", "plain_ap", "mp@1", "mp@5", "mp@10")
        }
        for setup in ("easy", "medium", "hard")
    }
    threshold = -3.0
    result = {
        "gallery": GALLERY,
        "threshold": threshold,
        "cases": cases,
        "means": means,
        "verdict": verdicts(cases, threshold),
        "auroc": aurocs(cases),
    }
    print(json.dumps(result, separators=(",", ":")))


if __name__ == "__main__":
    main()
