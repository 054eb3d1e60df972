"""Two-view geometry beside PoseLib, pydegensac and OpenCV: accuracy and time.

Every problem goes to all programs in turn. Three kinds: homographies of random planes, homographies between the photographs of
`oxford_affine` (DATA) with correspondences that Vizsla's features gave, and fundamental matrices of random scenes of which a share
lies on one plane. Error of a homography is the mean distance, over a grid on the first image, between where the estimate and the truth
send a point; of a fundamental matrix the median Sampson distance of exact pairs off the plane that no program saw.
Time is the median of a few calls on one thread: wall time of Vizsla, processor time of the peers.
"""
import argparse
import json
import pathlib
import subprocess
import time

import cv2
import numpy as np
import poselib
import pydegensac

SIZE = np.array([800.0, 600.0])


def project(h, points):
    p = np.c_[points, np.ones(len(points))] @ h.T
    return p[:, :2] / p[:, 2:]


def grid(size):
    return np.stack(np.meshgrid(np.linspace(0, size[0], 10), np.linspace(0, size[1], 10)), -1).reshape(-1, 2)


def sampson(f, a, b):
    p, q = np.c_[a, np.ones(len(a))], np.c_[b, np.ones(len(b))]
    line, other = p @ f.T, q @ f
    over = np.sqrt((line[:, :2] ** 2).sum(1) + (other[:, :2] ** 2).sum(1))
    return np.abs((q * line).sum(1)) / np.maximum(over, 1e-300)


def timed(call, repeats):
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        result = call()
        times.append(time.thread_time() - start)
    return result, float(np.median(times)) * 1e3


class Vizsla:
    process = None

    def __init__(self, name, **config):
        self.name = f"Vizsla, {name}"
        self.config = config

    def solve(self, model, rows, sizes, options, repeats):
        config = self.config.get("method") or {
            "model": model, "threshold": options["threshold"], "confidence": options["confidence"],
            "max_iterations": options["iterations"], "seed": options["seed"], **self.config}
        problem = {"config": config, "sizes": list(sizes), "repeats": repeats, "rows": np.asarray(rows).tolist()}
        Vizsla.process.stdin.write(json.dumps(problem) + "\n")
        Vizsla.process.stdin.flush()
        answer = json.loads(Vizsla.process.stdout.readline())
        matrix = answer["matrix"]
        return None if matrix is None else np.array(matrix).reshape(3, 3), answer["ns"] / 1e6


class PoseLib:
    name = "PoseLib"

    def solve(self, model, rows, _sizes, options, repeats):
        a, b = rows[:, :2], rows[:, 2:4]
        key = "max_reproj_error" if model == "homography" else "max_epipolar_error"
        settings = {key: options["threshold"], "success_prob": options["confidence"],
                    "max_iterations": options["iterations"], "min_iterations": 50, "seed": options["seed"]}
        call = poselib.estimate_homography if model == "homography" else poselib.estimate_fundamental
        (matrix, _), ms = timed(lambda: call(a, b, settings, {}), repeats)
        return matrix, ms


class Pydegensac:
    name = "pydegensac"

    def solve(self, model, rows, _sizes, options, repeats):
        a, b = rows[:, :2], rows[:, 2:4]
        call = pydegensac.findHomography if model == "homography" else pydegensac.findFundamentalMatrix
        (matrix, _), ms = timed(lambda: call(a, b, options["threshold"], options["confidence"], options["iterations"],
                                             seed=options["seed"] + 1), repeats)
        # Its homography is that of the transposed convention where it is needed.
        return (matrix if np.abs(matrix).sum() > 0 else None), ms


class OpenCv:
    name = "OpenCV USAC_MAGSAC"

    def solve(self, model, rows, _sizes, options, repeats):
        a, b = rows[:, :2], rows[:, 2:4]
        if model == "homography":
            call = lambda: cv2.findHomography(a, b, cv2.USAC_MAGSAC, options["threshold"], None, options["iterations"],
                                              options["confidence"])
        else:
            call = lambda: cv2.findFundamentalMat(a, b, cv2.USAC_MAGSAC, options["threshold"], options["confidence"],
                                                  options["iterations"])
        (matrix, _), ms = timed(call, repeats)
        return (None if matrix is None or matrix.shape != (3, 3) else matrix), ms


def plane_problem(rng, pairs, outliers):
    box = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * SIZE.astype(np.float32)
    turn, scale = rng.uniform(-np.pi, np.pi), np.exp(rng.uniform(-0.5, 0.3))
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    quad = (box - SIZE / 2) @ rotation.T + SIZE / 2 + rng.uniform(-0.12, 0.12, (4, 2)) * scale * SIZE[0]
    h = cv2.getPerspectiveTransform(box, quad.astype(np.float32))
    good = round(pairs * (1 - outliers))
    a = rng.uniform(0, 1, (pairs, 2)) * SIZE
    b = np.vstack([project(h, a[:good]), rng.uniform(0, 1, (pairs - good, 2)) * SIZE])
    a[:good] += rng.normal(0, 1, (good, 2))
    b[:good] += rng.normal(0, 1, (good, 2))
    order = rng.permutation(pairs)
    return h, np.c_[a, b, np.ones(pairs)][order]


def depth_problem(rng, pairs, outliers, on_plane, noise):
    """A camera that moves and turns before a scene of which a share lies on a slanted plane."""
    k = np.array([[800.0, 0, 400], [0, 800, 300], [0, 0, 1]])
    axis = rng.normal(0, 1, 3)
    rotation, _ = cv2.Rodrigues(axis / np.linalg.norm(axis) * rng.uniform(0.05, 0.3))
    move = rng.normal(0, 1, 3) * [1, 1, 0.5]
    move = move / np.linalg.norm(move) * rng.uniform(0.6, 1.2)
    normal = rng.normal(0, 0.3, 2)

    def views(count, flat):
        seen = []
        while len(seen) < count:
            x, y = rng.uniform(0, 1, 2) * SIZE
            ray = np.linalg.inv(k) @ [x, y, 1]
            depth = 6 / (1 - normal @ ray[:2]) if len(seen) < flat else rng.uniform(3, 9)
            p = k @ (rotation @ (ray * depth) + move)
            if depth > 1 and p[2] > 0.5:
                u, v = p[:2] / p[2]
                if 0 <= u < SIZE[0] and 0 <= v < SIZE[1]:
                    seen.append([x, y, u, v])
        return np.array(seen)

    good = round(pairs * (1 - outliers))
    rows = views(good, round(good * on_plane)) + rng.normal(0, noise, (good, 4))
    wrong = rng.uniform(0, 1, (pairs - good, 4)) * np.r_[SIZE, SIZE]
    rows = np.vstack([rows, wrong])[rng.permutation(pairs)]
    return views(200, 0), np.c_[rows, np.ones(pairs)]


def summary(name, errors, times, failed_above):
    errors = np.array(errors)
    return {"name": name, "median": float(np.median(errors)), "p90": float(np.percentile(errors, 90)),
            "failed": float(np.mean(errors > failed_above)), "ms": float(np.median(times))}


def contest(title, peers, problems, judge, failed_above, repeats):
    results = {peer.name: ([], []) for peer in peers}
    for model, truth, rows, sizes, options in problems:
        for peer in peers:
            try:
                matrix, ms = peer.solve(model, rows, sizes, options, repeats)
            except cv2.error:
                matrix, ms = None, np.nan
            error = np.inf if matrix is None else judge(matrix, truth, sizes)
            results[peer.name][0].append(error if np.isfinite(error) else 1e9)
            results[peer.name][1].append(ms)
    print(f"\n{title}")
    print("| program | median error, px | 90 % | failed | median time, ms |\n|---|---|---|---|---|")
    rows = []
    for name, (errors, times) in results.items():
        row = summary(name, errors, times, failed_above)
        rows.append({"title": title, **row})
        print(f"| {name} | {row['median']:.3f} | {row['p90']:.3f} | {row['failed']:.1%} | {row['ms']:.3f} |", flush=True)
    return rows


def plane_error(h, truth, sizes):
    return np.linalg.norm(project(h, grid(sizes[:2])) - project(truth, grid(sizes[:2])), axis=1).mean()


def depth_error(f, truth, _sizes):
    return np.median(sampson(f / np.linalg.norm(f), truth[:, :2], truth[:, 2:]))


def oxford(data, program, detector):
    options = {"threshold": 3.0, "confidence": 0.999, "iterations": 10000, "seed": 0}
    for sequence in ["graf", "wall", "boat", "bark", "bikes", "trees", "leuven", "ubc"]:
        folder = pathlib.Path(data) / "oxford_affine" / sequence
        for n in range(2, 7):
            pictures = [str(folder / "img1.png"), str(folder / f"img{n}.png")]
            text = subprocess.run([program, "match", *pictures, detector], check=True, capture_output=True, text=True).stdout
            rows = np.array([[float(v) for v in line.split()] for line in text.splitlines()])
            sizes = [s for p in pictures for s in cv2.imread(p, 0).shape[::-1]]
            yield "homography", np.loadtxt(folder / f"H1to{n}p"), rows, sizes, options


PEERS = {"homography": [PoseLib(), Pydegensac(), OpenCv()], "fundamental": [PoseLib(), Pydegensac(), OpenCv()]}
PLAIN = [Vizsla("MSAC, uniform"), Vizsla("MAGSAC++", scoring="magsac"), Vizsla("LO+", local="lo_plus"),
         Vizsla("SPRT", rejection="sprt"), Vizsla("inlier count, LO-RANSAC", scoring="inlier_count", local="lo_ransac"),
         Vizsla("no local optimisation", local="off")]
FRAMES = [Vizsla("frames", sample="frames", min_iterations=100), Vizsla("PROSAC", sampling="prosac"),
          Vizsla("fast spatial matching", method="spatial"), Vizsla("verify", method="verify")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vizsla-bin", required=True)
    parser.add_argument("--data")
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="plane,oxford,depth")
    parser.add_argument("--json")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    Vizsla.process = subprocess.Popen([args.vizsla_bin], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    sizes = [*SIZE, *SIZE]
    results = []
    only = args.only.split(",")
    for outliers in (0.5, 0.8) if "plane" in only else ():
        rng = np.random.default_rng(7)
        problems = []
        for seed in range(args.problems):
            h, rows = plane_problem(rng, args.pairs, outliers)
            options = {"threshold": 3.0, "confidence": 0.999, "iterations": 10000, "seed": seed}
            problems.append(("homography", h, rows, sizes, options))
        plain = [*PLAIN, Vizsla("estimate", method="estimate")]
        results += contest(f"Planes, {outliers:.0%} outliers", plain + PEERS["homography"], problems, plane_error, 10,
                           args.repeats)
    for detector in ("dog", "hessian_affine") if "oxford" in only and args.data else ():
        problems = list(oxford(args.data, args.vizsla_bin, detector))
        peers = PLAIN + FRAMES + PEERS["homography"]
        results += contest(f"oxford_affine, {detector}", peers, problems, plane_error, 10, args.repeats)
    for outliers, on_plane in ((0.5, 0.0), (0.4, 0.6), (0.4, 0.9)) if "depth" in only else ():
        rng = np.random.default_rng(9)
        problems = []
        for seed in range(args.problems):
            truth, rows = depth_problem(rng, args.pairs, outliers, on_plane, 0.5)
            options = {"threshold": 1.5, "confidence": 0.999, "iterations": 10000, "seed": seed}
            problems.append(("fundamental", truth, rows, sizes, options))
        own = PLAIN + ([Vizsla("without DEGENSAC", degeneracy="ignore")] if on_plane else [])
        title = f"Scenes, {outliers:.0%} outliers, {on_plane:.0%} of the rest on one plane"
        results += contest(title, own + PEERS["fundamental"], problems, depth_error, 3, args.repeats)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(results, indent=1))
    Vizsla.process.stdin.close()
    Vizsla.process.wait()


if __name__ == "__main__":
    main()
