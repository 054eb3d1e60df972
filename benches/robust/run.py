"""Robust homographies beside PoseLib and OpenCV: accuracy and time.

Every problem goes to all three in turn, so that whatever else the machine does falls on all of them. A problem
is a random view of a plane of 800 x 600 pixels: inliers uniform over it with Gaussian noise of 1 px in the second
image, outliers uniform in both images. Error is the mean distance, over a grid on the plane, between where the
estimate and the truth send a point. Time is the median of a few calls on the same problem, one thread: wall time of
Vizsla, processor time of the peers, whose longer calls a busy machine would interrupt.
"""
import argparse
import json
import struct
import subprocess
import time

import cv2
import numpy as np
import poselib

SIZE = (800.0, 600.0)
GRID = np.stack(np.meshgrid(np.linspace(0, SIZE[0], 10), np.linspace(0, SIZE[1], 10)), -1).reshape(-1, 2)


def project(h, points):
    p = np.c_[points, np.ones(len(points))] @ h.T
    return p[:, :2] / p[:, 2:]


def problem(rng, pairs, outliers, both):
    """A view with at most moderate perspective, and correspondences (pairs x 4)."""
    box = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * np.array(SIZE, np.float32)
    turn, scale = rng.uniform(-np.pi, np.pi), np.exp(rng.uniform(-0.5, 0.3))
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centre = np.array(SIZE) / 2
    quad = (box - centre) @ rotation.T + centre + rng.uniform(-0.12, 0.12, (4, 2)) * scale * SIZE[0]
    h = cv2.getPerspectiveTransform(box, quad.astype(np.float32))
    good = round(pairs * (1 - outliers))
    points = rng.uniform(0, 1, (pairs, 2)) * SIZE
    image = np.vstack([project(h, points[:good]), rng.uniform(0, 1, (pairs - good, 2)) * SIZE])
    image[:good] += rng.normal(0, 1, (good, 2))
    if both:
        points[:good] += rng.normal(0, 1, (good, 2))
    order = rng.permutation(pairs)
    return h, points[order], image[order]


class Vizsla:
    name = "vizsla"

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def solve(self, a, b, options, repeats):
        head = struct.pack("<IIIIddQ", len(a), repeats, options["iterations"], 2, options["threshold"],
                           options["confidence"], options["seed"])
        self.process.stdin.write(head + np.hstack([a, b]).astype("<f8").tobytes())
        self.process.stdin.flush()
        answer = np.frombuffer(self.process.stdout.read(96), "<f8")
        return answer[3:].reshape(3, 3), answer[0] / 1e6


def timed(call, repeats):
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        result = call()
        times.append(time.thread_time() - start)
    return result, float(np.median(times)) * 1e3


class PoseLib:
    def __init__(self, least):
        self.least = least
        self.name = f"PoseLib, at least {least} iterations"

    def solve(self, a, b, options, repeats):
        settings = {"max_reproj_error": options["threshold"], "success_prob": options["confidence"],
                    "max_iterations": options["iterations"], "min_iterations": self.least}
        (h, _), ms = timed(lambda: poselib.estimate_homography(a, b, settings, {}), repeats)
        return h, ms


class OpenCv:
    name = "OpenCV USAC_MAGSAC"

    def solve(self, a, b, options, repeats):
        (h, _), ms = timed(lambda: cv2.findHomography(a, b, cv2.USAC_MAGSAC, options["threshold"], None,
                                                      options["iterations"], options["confidence"]), repeats)
        return h, ms


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vizsla-bin", required=True)
    parser.add_argument("--problems", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    rows = []
    for both in (False, True):
        for outliers in (0.5, 0.8):
            rows += compare(args, outliers, both)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(rows, file, indent=1)


def compare(args, outliers, both):
    rng = np.random.default_rng(7)
    peers = [Vizsla(args.vizsla_bin), PoseLib(1000), PoseLib(50), OpenCv()]
    results = {peer.name: ([], []) for peer in peers}
    for number in range(args.problems):
        truth, a, b = problem(rng, args.pairs, outliers, both)
        options = {"iterations": 10000, "threshold": 3.0, "confidence": 0.999, "seed": number}
        for peer in peers:
            h, ms = peer.solve(a, b, options, args.repeats)
            error = np.inf
            if h is not None and np.abs(h).sum() > 0:
                error = np.linalg.norm(project(h, GRID) - project(truth, GRID), axis=1).mean()
            results[peer.name][0].append(error)
            results[peer.name][1].append(ms)
    noise = "both images" if both else "second image"
    print(f"\n{outliers:.0%} outliers, noise in {noise}, {args.problems} problems of {args.pairs} pairs")
    rows = []
    for name, (errors, times) in results.items():
        row = {"outliers": outliers, "noise": noise, "name": name, "error_median": float(np.median(errors)),
               "error_mean_of_found": float(np.mean([e for e in errors if e < 10])),
               "error_p95": float(np.percentile(errors, 95)), "failed": float(np.mean(np.array(errors) > 10)),
               "ms_median": float(np.median(times)), "ms_p90": float(np.percentile(times, 90))}
        rows.append(row)
        print(f"  {name:32} error median {row['error_median']:.3f} mean {row['error_mean_of_found']:.3f}"
              f" p95 {row['error_p95']:.3f} px, failed {row['failed']:.1%},"
              f" {row['ms_median']:.3f} ms (p90 {row['ms_p90']:.3f})")
    return rows


if __name__ == "__main__":
    main()
