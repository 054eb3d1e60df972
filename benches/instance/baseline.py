"""Exhaustive pairwise SIFT with OpenCV: the peer that instance search is measured against.

Every query is compared with every gallery image: 1,000 SIFT features at a longest side of 800, RootSIFT, ratio test at 0.8 and
mutual nearest neighbours, a homography by USAC_MAGSAC at 5 px; the gallery is ranked by the number of inliers. Nothing is indexed,
so the cost of a query grows with the gallery, and little can be missed: a fair bar for accuracy. A solid object is no plane, so the same
matches are counted by a fundamental matrix as well (`fundamental`). Descriptors are unit vectors after RootSIFT, so the nearest ones
follow from one matrix product; that is several times faster than cv2.BFMatcher and gives the same matches, so the peer's time
is its best.

One thread throughout. The time of a query is reading and describing it and comparing it with the whole gallery,
whose features were made beforehand; the fundamental matrix is left out of it.

    python baseline.py --data DIR [--out baseline.json] [--sets smvs,museum,landmarks,products] [--limit N]
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import cv2  # noqa: E402  (after the thread count is set)
import numpy as np  # noqa: E402

CONFIG = {
    "features": 1000,
    "longest_side": 800,
    "descriptor": "RootSIFT",
    "ratio": 0.8,
    "mutual": True,
    "models": ["homography", "fundamental"],
    "estimator": "cv2.USAC_MAGSAC",
    "threshold_px": 5.0,
    "max_iterations": 2000,
    "confidence": 0.999,
    "threads": 1,
}
MUSEUM_SETS = ["qsd1_w1", "qsd2_w2", "qsd1_w3", "qsd2_w3", "qsd1_w4"]
FIXED_THRESHOLD = 15
SHUFFLES = 200


class Sift:
    """Keypoint positions (n x 2) and RootSIFT descriptors (n x 128) of a file, cached by path."""

    def __init__(self):
        self.sift = cv2.SIFT_create(nfeatures=CONFIG["features"])
        self.cache = {}

    def __call__(self, path):
        if path not in self.cache:
            self.cache[path] = self.describe(path)
        return self.cache[path]

    def describe(self, path):
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if image is None:
            sys.exit(f"cannot read {path}")
        longest = max(image.shape)
        if longest > CONFIG["longest_side"]:
            scale = CONFIG["longest_side"] / longest
            size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        keypoints, descriptors = self.sift.detectAndCompute(image, None)
        if descriptors is None:
            return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
        points = np.float32([k.pt for k in keypoints])
        root = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-12))
        return points, root.astype(np.float32)


def matches(query, gallery):
    """Index pairs (rows of query, rows of gallery) that are each other's nearest and pass the ratio test on the Euclidean distance."""
    if len(query) == 0 or len(gallery) < 2:
        return np.zeros(0, int), np.zeros(0, int)
    similarity = query @ gallery.T
    rows = np.arange(len(query))
    nearest, back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    first = similarity[rows, nearest]
    similarity[rows, nearest] = -np.inf
    second = similarity.max(axis=1)
    keep = (2 - 2 * first < CONFIG["ratio"] ** 2 * (2 - 2 * second)) & (back[nearest] == rows)
    return rows[keep], nearest[keep]


def homography_inliers(query, gallery):
    """Matches that agree with the best homography."""
    if len(query) < 4:
        return 0
    settings = {"maxIters": CONFIG["max_iterations"], "confidence": CONFIG["confidence"]}
    _, mask = cv2.findHomography(query, gallery, cv2.USAC_MAGSAC, CONFIG["threshold_px"], **settings)
    return 0 if mask is None else int(mask.sum())


def fundamental_inliers(query, gallery):
    """Matches that agree with the best fundamental matrix."""
    if len(query) < 8:
        return 0
    settings = (CONFIG["threshold_px"], CONFIG["confidence"], CONFIG["max_iterations"])
    try:
        _, mask = cv2.findFundamentalMat(query, gallery, cv2.USAC_MAGSAC, *settings)
    except cv2.error:
        # What happens where all samples are degenerate.
        return 0
    return 0 if mask is None else int(mask.sum())


def average_precision(relevant):
    """Mean of the precision at every relevant position of one ranked list of booleans (all relevant ones are in it)."""
    positions = np.nonzero(relevant)[0]
    return float(np.mean((np.arange(len(positions)) + 1) / (positions + 1)))


def ranking(scores, relevant, rng):
    """Metrics of one query; images with equal scores in random order, averaged over SHUFFLES orders."""
    values = {"map": [], "recall@1": [], "recall@10": []}
    for _ in range(SHUFFLES):
        order = np.lexsort((rng.random(len(scores)), -scores))
        hits = relevant[order]
        values["map"].append(average_precision(hits))
        values["recall@1"].append(float(hits[:1].any()))
        values["recall@10"].append(float(hits[:10].any()))
    return {name: float(np.mean(v)) for name, v in values.items()}


def verdict(scores, relevant, threshold):
    """Open-set precision, recall and F1 over all (query, gallery image) pairs called a match."""
    matched = scores >= threshold
    true = int((matched & relevant).sum())
    precision = true / max(int(matched.sum()), 1)
    recall = true / max(int(relevant.sum()), 1)
    f1 = 2 * precision * recall / (precision + recall) if true else 0.0
    known = relevant.any(axis=1)
    rejected = ~matched.any(axis=1)
    return {
        "threshold": int(threshold),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "unknown_rejected": float(rejected[~known].mean()) if (~known).any() else None,
        "known_answered": float((~rejected[known]).mean()) if known.any() else None,
    }


def judge(scores, relevant):
    """Metrics of ranking and of the verdict for one way of counting (scores: queries x gallery)."""
    rng = np.random.default_rng(0)
    ranked = [ranking(s, r, rng) for s, r in zip(scores, relevant) if r.any()]
    thresholds = range(4, int(scores.max()) + 2)
    return {
        "metrics": {m: statistics.fmean(q[m] for q in ranked) for m in ("map", "recall@1", "recall@10")},
        "verdict_fixed": verdict(scores, relevant, FIXED_THRESHOLD),
        "verdict_best": max((verdict(scores, relevant, t) for t in thresholds), key=lambda v: v["f1"]),
    }


def counts(both, relevant):
    """Counts of one query, [homography, fundamental]: of its relevant images, and the highest of the others."""
    return {"relevant": both[:, relevant].T.tolist(), "highest_wrong": both[:, ~relevant].max(axis=1).tolist()}


def evaluate_set(name, gallery, queries, relevant, sift):
    """Compare all queries with all gallery images; `relevant` is a boolean matrix queries x gallery."""
    scores = np.zeros((2, len(queries), len(gallery)), int)
    wall, cpu = [], []
    for path in gallery:
        sift(path)
    for row, path in enumerate(queries):
        start, start_cpu = time.perf_counter(), time.process_time()
        points, descriptors = sift.describe(path)
        pairs = []
        for column, other in enumerate(gallery):
            i, j = matches(descriptors, sift(other)[1])
            pairs.append((points[i], sift(other)[0][j]))
            scores[0, row, column] = homography_inliers(*pairs[-1])
        wall.append(1e3 * (time.perf_counter() - start))
        cpu.append(1e3 * (time.process_time() - start_cpu))
        scores[1, row] = [fundamental_inliers(*pair) for pair in pairs]
    report = {
        "queries": len(queries),
        "gallery": len(gallery),
        **judge(scores[0], relevant),
        "fundamental": judge(scores[1], relevant),
        "timing": {
            "query_ms_median": statistics.median(wall),
            "query_ms_p99": float(np.percentile(wall, 99)),
            "query_cpu_ms_median": statistics.median(cpu),
        },
        "per_query": {p.name: counts(scores[:, row], relevant[row]) for row, p in enumerate(queries)},
    }
    print(name, json.dumps({k: v for k, v in report.items() if k != "per_query"}), file=sys.stderr, flush=True)
    return report


def images(folder):
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".jpg")
    if not found:
        sys.exit(f"no .jpg files in {folder}")
    return found


def smvs(root, sift, limit):
    gallery = images(root / "reference")
    sets = {}
    for name in ("canon", "e63"):
        queries = images(root / name)[:limit]
        relevant = np.array([[g.name == q.name for g in gallery] for q in queries])
        sets[name] = evaluate_set(f"smvs {name}", gallery, queries, relevant, sift)
    return sets


def museum(root, sift, limit):
    gallery = images(root / "gallery")
    sets = {}
    for name in MUSEUM_SETS:
        queries = images(root / name)
        truth = json.loads((root / name / "gt_corresps.json").read_text())
        if len(truth) != len(queries):
            sys.exit(f"{root / name}: {len(queries)} queries but {len(truth)} lines of ground truth")
        relevant = np.array([[g in answer for g in range(len(gallery))] for answer in truth])
        sets[name] = evaluate_set(f"museum {name}", gallery, queries[:limit], relevant[:limit], sift)
    return sets


def files(root, sift, limit):
    """A gallery, queries and the right answers of each by name, as `vizsla evaluate files` reads them."""
    gallery = images(root / "gallery")
    truth = json.loads((root / "truth.json").read_text())
    queries = sorted(root / "queries" / name for name in truth)[:limit]
    relevant = np.array([[g.name in truth[q.name] for g in gallery] for q in queries])
    return {root.name: evaluate_set(root.name, gallery, queries, relevant, sift)}


def cpu_name():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds smvs_dvd/, museum/, landmarks/, products/")
    parser.add_argument("--out", type=Path, help="write the JSON here instead of standard output")
    parser.add_argument("--sets", default="smvs,museum,landmarks,products")
    parser.add_argument("--limit", type=int, help="only the first N queries of each set")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    cv2.setRNGSeed(0)
    sift = Sift()
    result = {
        "peer": "exhaustive pairwise OpenCV SIFT",
        "versions": {"opencv": cv2.__version__, "numpy": np.__version__, "python": platform.python_version()},
        "machine": cpu_name(),
        "config": CONFIG,
    }
    wanted = options.sets.split(",")
    if "smvs" in wanted:
        result["smvs"] = smvs(options.data / "smvs_dvd", sift, options.limit)
    if "museum" in wanted:
        result["museum"] = museum(options.data / "museum", sift, options.limit)
    for name in ("landmarks", "products"):
        if name in wanted:
            result[name] = files(options.data / name, sift, options.limit)
    text = json.dumps(result, indent=1)
    if options.out:
        options.out.write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
