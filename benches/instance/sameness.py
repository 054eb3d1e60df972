"""Fits the model that tells a match from a part: which agreements that are no chance are of the same object.

    python sameness.py --vizsla PATH --data DIR [--copies FOLDER] [--json FILE]

Every query of every set is searched in its gallery; the figures of all agreements that are proven, and of what other pictures that explain the same place of
the query are ahead by, are what `crates/retrieval/src/agreement/sameness.rs` weighs. Weights are fitted to the half `choose` of `halves.json`
(logistic regression with a ridge, each set of about the same weight) and judged on the half `report`, with the two rules that stand beside the model
(`doubt`). `--json` keeps the answers of the program, so that a fit can be made again without it. FOLDER is what `copies.py` made; on it the rules
were chosen, and nothing is fitted to it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
import zlib
from collections import defaultdict
from pathlib import Path

import numpy as np

from halves import FOLDERS, half, queries, scene

BOUND = 4.0
ONE_PLACE = 0.4
GREY = 9.0
RIDGE = 1.0
LEAST = 0.62  # log-odds of 0.65
OWN = ["agreeing", "colour", "correlation", "log coverage", "colour × agreeing inside", "log evidence"]
AGAINST = ["agreeing", "colour", "log evidence", "log coverage"]


def sets(data: Path, copies: Path | None) -> dict[str, tuple[Path, dict[Path, set[str]]]]:
    """Gallery and queries with what is right, of each set."""
    known = {}
    for name in ["landmarks", "products"]:
        truth = json.loads((data / name / "truth.json").read_text())
        known[name] = (data / name / "gallery", {data / name / "queries" / q: set(right) for q, right in truth.items()})
    known["smvs_dvd"] = (data / "smvs_dvd" / "reference", {path: {path.name} for path in queries(data, "smvs_dvd")})
    paintings = sorted(path.name for path in (data / "museum" / "gallery").glob("*.jpg"))
    museum = {}
    for name in FOLDERS["museum"]:
        truth = json.loads((data / "museum" / name / "gt_corresps.json").read_text())
        for query, right in zip(sorted((data / "museum" / name).glob("*.jpg")), truth):
            flat = [at for one in right for at in (one if isinstance(one, list) else [one])]
            museum[query] = {paintings[at] for at in flat if at >= 0}
    known["museum"] = (data / "museum" / "gallery", museum)
    if copies:
        truth = json.loads((copies / "truth.json").read_text())
        known["copies"] = (copies / "gallery", {copies / "queries" / q: set(right) for q, right in truth.items()})
    return known


def answers(vizsla: Path, gallery: Path, queries: list[Path]) -> dict[str, list[dict]]:
    """What the program says of every query: path, evidence and agreement of what agrees."""
    said = {}
    with tempfile.TemporaryDirectory() as folder:
        collection = f"{folder}/c.vizsla"
        subprocess.run([vizsla, "index", gallery, "--into", collection, "--no-encoder"], check=True, capture_output=True)
        for query in queries:
            command = [vizsla, "search", collection, query, "--top", "100", "--json"]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            hits = json.loads(done.stdout)["hits"] if done.stdout else []
            said[str(query)] = [{"name": Path(hit["path"]).name, **hit["agreement"]} for hit in hits if hit["agreement"]]
    return said


def own(found: dict) -> list[float]:
    ground = found["ground"]
    colour = GREY if ground["colour"] is None else ground["colour"]
    return [
        ground["agreeing"], colour, ground["correlation"], np.log(found["coverage"] + 0.01),
        colour * ground["inside"], np.log10(max(1.0, -found["log10_nfa"])),
    ]


def doubt(found: dict) -> float:
    """What conflicting ground of copies and of scraps, and pages without colours, take off the log-odds."""
    ground = found["ground"]
    rise = lambda value, low, high: min(1.0, max(0.0, (value - low) / (high - low)))
    copied = np.exp(-2 * ground["drift"] - ((ground["colour"] or 0) / 5) ** 2) * rise(ground["agreeing"], 0.3, 0.5)
    copied *= rise(np.log10(max(1.0, -found["log10_nfa"])), 2.1, 2.3)
    edited = 120 * copied * max(0.0, ground["conflicting"] - 0.12)
    page = rise(ground["paper"], 0.35, 0.5) if ground["colour"] is None and found["extent"] < 0.57 else 0.0
    scrap = 12 * min(1.0, max(0.0, (0.07 - found["extent"]) / 0.005)) * max(0.0, ground["conflicting"] - 0.35)
    return edited + scrap + 60 * page * max(0.0, 0.88 - ground["agreeing"])


def one_place(a: dict, b: dict) -> bool:
    along = lambda at, size: max(0.0, min(a[at] + a[size], b[at] + b[size]) - max(a[at], b[at]))
    smaller = min(a["width"] * a["height"], b["width"] * b["height"])
    return smaller > 0 and along("x", "width") * along("y", "height") > ONE_PLACE * smaller


def figures(found: list[dict]) -> list[tuple[str, list[float], float]]:
    """The proven agreements of one query, each with its figures, those against it, and its doubt."""
    proven = [one for one in found if -one["log10_nfa"] >= BOUND and one.get("ground")]
    known = [own(one) for one in proven]
    out = []
    for one, mine in zip(proven, known):
        behind = [0.0] * 4
        for other, its in zip(proven, known):
            if other is not one and one_place(one["query_box"], other["query_box"]):
                ahead = [its[0] - mine[0], mine[1] - its[1], its[5] - mine[5], its[3] - mine[3]]
                behind = [max(pair) for pair in zip(behind, ahead)]
        out.append((one["name"], mine + behind, doubt(one)))
    return out


def fit(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and bias of raw figures: Newton's method on standardised ones, the bias without a ridge."""
    mean, spread = x.mean(0), x.std(0) + 1e-9
    z = np.c_[(x - mean) / spread, np.ones(len(x))]
    ridge = np.diag([RIDGE] * x.shape[1] + [0.0])
    w = np.zeros(z.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-z @ w))
        gradient = z.T @ (weight * (p - y)) + ridge @ w
        hessian = (z * (weight * p * (1 - p))[:, None]).T @ z + ridge
        w -= np.linalg.solve(hessian, gradient)
    raw = w[:-1] / spread
    return raw, w[-1] - raw @ mean


def half_of(name: str, query: Path) -> str:
    if name != "copies":
        return half(name, scene(name, query))
    return "report" if zlib.crc32(re.sub(r"_[a-z]+$", "", query.stem).encode()) % 2 else "choose"


def auroc(scores: np.ndarray, right: np.ndarray) -> float:
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    positive = right.sum()
    return float("nan") if positive in (0, len(right)) else (ranks[right].sum() - positive * (positive + 1) / 2) / (positive * (len(right) - positive))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vizsla", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--copies", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    kept = json.loads(arguments.json.read_text()) if arguments.json and arguments.json.is_file() else {}
    rows = []
    for name, (gallery, truth) in sets(arguments.data, arguments.copies).items():
        if name not in kept:
            kept[name] = answers(arguments.vizsla, gallery, list(truth))
            if arguments.json:
                arguments.json.write_text(json.dumps(kept))
        for query, right in truth.items():
            # A part of a collage shows a picture and is not it.
            if query.stem.endswith("_collage"):
                continue
            for found, x, doubted in figures(kept[name].get(str(query), [])):
                rows.append((name, half_of(name, query), x, found in right, query.stem, found, doubted))
    x = np.array([row[2] for row in rows])
    y = np.array([row[3] for row in rows])
    names, halves_ = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    choose = halves_ == "choose"
    count = defaultdict(int)
    for name in names[choose]:
        count[name] += 1
    weight = np.array([min(3.0, 150 / max(1, count[name])) for name in names])
    fitted = choose & (names != "copies")
    w, bias = fit(x[fitted], y[fitted].astype(float), weight[fitted])
    print("weights", dict(zip(OWN, np.round(w[:6], 3))), "against", dict(zip(AGAINST, np.round(w[6:], 3))), "bias", round(bias, 3))
    print([float(f"{v:.4g}") for v in w[:6]], [float(f"{v:.4g}") for v in w[6:]], float(f"{bias:.4g}"))
    score = x @ w + bias - np.array([row[6] for row in rows])
    for part in ["choose", "report"]:
        for name in dict.fromkeys(names):
            of = (names == name) & (halves_ == part)
            called = of & (score >= LEAST)
            right = y[called].sum()
            print(
                f"{part:7} {name:10} proven {of.sum():4} right {y[of].sum():4}  called a match {called.sum():4}: "
                f"precision {right / max(1, called.sum()):.3f} of the right {right / max(1, y[of].sum()):.3f} AUROC {auroc(score[of], y[of]):.3f}"
            )
    wrong = [(s, row) for s, row in zip(score, rows) if s >= LEAST and not row[3]]
    for s, row in sorted(wrong, key=lambda pair: -pair[0])[:30]:
        print(f"wrong {s:5.2f} {row[0]} {row[1]} {row[4]} {row[5]}", np.round(row[2], 2).tolist())
    missed = [(s, row) for s, row in zip(score, rows) if s < LEAST and row[3]]
    for s, row in sorted(missed, key=lambda pair: pair[0])[:30]:
        print(f"missed {s:5.2f} {row[0]} {row[1]} {row[4]} {row[5]}", np.round(row[2], 2).tolist())


if __name__ == "__main__":
    main()
