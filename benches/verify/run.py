"""Verification of tentative correspondences beside OpenCV's USAC_MAGSAC and PoseLib: time at given sizes and shares of inliers.

    python run.py --vizsla-bin PATH [--data DIR] [--json OUT] [--repeat N] [--answers FILE]

Correspondences are real: OpenCV SIFT features of the pairs of `oxford_affine`, as RootSIFT, each with its nearest neighbour in
the other image. The homography that comes with a pair tells which are right (within 3 px). Of either kind as many are drawn as
a problem of that size and share asks for; pairs that have too few are left out. Every problem goes to all programs in turns, on
one thread and on two that make the same calls at once; time is the median over the problems of the least of the repeats, each
the median over single calls, which what else a machine does disturbs least. The peers get positions alone, as they cannot use scales and directions, and their defaults besides
threshold 3 px, confidence 0.999 and at most 10,000 iterations.

A transform is right when it sends the corners of the first image, on average, within 1 % of the second image's diagonal of
where the truth sends them. `--answers` writes everything that was found, byte by byte, to compare two builds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import struct
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import poselib

SIZES = [30, 100, 300, 1000]
SHARES = [0.0, 0.05, 0.2, 0.5, 0.9]
THRESHOLD, CONFIDENCE, ITERATIONS = 3.0, 0.999, 10_000


def features(path: Path) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    keypoints, descriptors = cv2.SIFT_create(3000).detectAndCompute(image, None)
    rows = np.array([(k.pt[0] - 0.25, k.pt[1] - 0.25, k.size / 2, np.deg2rad(k.angle)) for k in keypoints])
    descriptors /= np.maximum(descriptors.sum(1, keepdims=True), 1e-9)
    return rows, np.sqrt(descriptors), (image.shape[1], image.shape[0])


def project(h: np.ndarray, points: np.ndarray) -> np.ndarray:
    p = np.c_[points, np.ones(len(points))] @ h.T
    return p[:, :2] / p[:, 2:]


def pairs_of(folder: Path) -> list[dict]:
    """Nearest neighbours of the first image's features in each of the others, and which are right."""
    found = []
    first, wanted, size = features(folder / "img1.png")
    for n in range(2, 7):
        second, offered, other = features(folder / f"img{n}.png")
        nearest = np.argmax(wanted @ offered.T, 1)
        h = np.loadtxt(folder / f"H1to{n}p").reshape(3, 3)
        rows = np.hstack([first, second[nearest], np.ones((len(first), 1))])
        right = np.linalg.norm(project(h, first[:, :2]) - rows[:, 4:6], axis=1) < 3
        found.append({"name": f"{folder.name} 1-{n}", "rows": rows, "right": right, "h": h, "sizes": (*size, *other)})
    return found


def problems(pairs: list[dict], count: int, share: float) -> list[dict]:
    rng = np.random.default_rng(int(1000 * share) + count)
    wanted = round(count * share)
    chosen = []
    for pair in pairs:
        good, bad = np.flatnonzero(pair["right"]), np.flatnonzero(~pair["right"])
        if len(good) < wanted or len(bad) < count - wanted:
            continue
        picked = np.r_[rng.choice(good, wanted, False), rng.choice(bad, count - wanted, False)]
        chosen.append({**pair, "rows": np.ascontiguousarray(pair["rows"][rng.permutation(picked)])})
    return chosen


class Vizsla:
    name = "vizsla"

    def __init__(self, program: str):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.answers = b""

    def solve(self, problem: dict, calls: int, threads: int) -> tuple[np.ndarray | None, float]:
        rows = problem["rows"]
        head = struct.pack("<IIII4d", len(rows), calls, threads, 0, *problem["sizes"])
        self.process.stdin.write(head + rows.astype("<f8").tobytes())
        self.process.stdin.flush()
        answer = self.process.stdout.read(12 * 8)
        values = np.frombuffer(answer, "<f8")
        inliers = self.process.stdout.read(8 * int(values[11]))
        if threads == 1:
            self.answers += answer[8:] + inliers
        return (values[2:11].reshape(3, 3) if values[11] else None), values[0] / 1e3


class Peer:
    """A call of a Python package, which lets go of the interpreter's lock while it works."""

    def solve(self, problem: dict, calls: int, threads: int) -> tuple[np.ndarray | None, float]:
        a, b = (np.ascontiguousarray(problem["rows"][:, at:at + 2]) for at in (0, 4))
        times = []

        def work(_) -> np.ndarray | None:
            for _ in range(calls):
                start = time.perf_counter()
                found = self.call(a, b)
                times.append((time.perf_counter() - start) * 1e6)
            return found

        if threads == 1:
            found = work(0)
        else:
            with ThreadPoolExecutor(threads) as pool:
                found = list(pool.map(work, range(threads)))[0]
        return found, statistics.median(times)


class OpenCv(Peer):
    name = "OpenCV USAC_MAGSAC"

    def call(self, a, b):
        return cv2.findHomography(a, b, cv2.USAC_MAGSAC, THRESHOLD, None, ITERATIONS, CONFIDENCE)[0]


class PoseLib(Peer):
    name = "PoseLib, at least 50 iterations"
    options = {"max_reproj_error": THRESHOLD, "success_prob": CONFIDENCE, "max_iterations": ITERATIONS,
               "min_iterations": 50}

    def call(self, a, b):
        return poselib.estimate_homography(a, b, self.options, {})[0]


def is_right(problem: dict, found: np.ndarray | None) -> bool:
    if found is None or not np.isfinite(found).all() or abs(found).sum() == 0:
        return False
    width, height, *other = problem["sizes"]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    error = np.linalg.norm(project(found, corners) - project(problem["h"], corners), axis=1).mean()
    return bool(error < 0.01 * np.hypot(*other))


def compare(peers: list, asked: list[dict], count: int, share: float, repeat: int) -> dict:
    calls = max(3, 6000 // count)
    row = {"pairs": count, "inliers": share, "problems": len(asked), "programs": {}}
    taken = {peer.name: {1: [], 2: []} for peer in peers}
    right = dict.fromkeys(taken, 0)
    for problem in asked:
        least = {}
        for turn in range(repeat):
            for peer in peers:
                for threads in (1, 2):
                    found, us = peer.solve(problem, calls if peer.name == "vizsla" else 3, threads)
                    key = (peer.name, threads)
                    least[key] = min(least.get(key, np.inf), us)
                    if threads == 1 and turn == 0:
                        right[peer.name] += is_right(problem, found)
        for (name, threads), us in least.items():
            taken[name][threads].append(us)
    for name, times in taken.items():
        one, two = (statistics.median(times[threads]) for threads in (1, 2))
        row["programs"][name] = {"us_1": one, "us_2": two, "gain": 2 * one / two, "right": right[name]}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vizsla-bin", required=True)
    parser.add_argument("--data", default=os.environ.get("VIZSLA_DATA", "../shared/data"))
    parser.add_argument("--json")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--problems", type=int, default=20, help="most problems of each size and share")
    parser.add_argument("--alone", action="store_true", help="without the peers")
    parser.add_argument("--answers", help="file for everything that was found")
    arguments = parser.parse_args()
    folder = Path(arguments.data) / "oxford_affine"
    if not folder.is_dir():
        print(f"skipped: {folder} is not there (set VIZSLA_DATA)")
        return
    cv2.setNumThreads(1)
    pairs = [pair for sequence in sorted(p for p in folder.iterdir() if p.is_dir()) for pair in pairs_of(sequence)]
    ours = Vizsla(arguments.vizsla_bin)
    peers = [ours] if arguments.alone else [ours, OpenCv(), PoseLib()]
    rows = []
    print("pairs inliers problems | program: us a call on one thread (right), gain of two threads")
    for count in SIZES:
        for share in SHARES:
            asked = problems(pairs, count, share)[: arguments.problems]
            if not asked:
                continue
            row = compare(peers, asked, count, share, arguments.repeat)
            rows.append(row)
            cells = [f"{name}: {t['us_1']:.1f} ({t['right']}), {t['gain']:.2f}" for name, t in row["programs"].items()]
            print(f"{count:5d} {share:7.2f} {len(asked):8d} | " + " | ".join(cells), flush=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=1) + "\n")
    if arguments.answers:
        Path(arguments.answers).write_bytes(ours.answers)


if __name__ == "__main__":
    main()
