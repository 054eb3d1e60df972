"""The kd-forest beside FLANN (OpenCV's) and FAISS: recall of the nearest neighbour and time of a query, on one thread or several.

RootSIFT descriptors of photographs (bytes to Vizsla, the same numbers as floats to the peers) are divided by picture: those of
some pictures are the queries. The truth is exact search by FAISS; an answer is right when it is as near as the nearest. For each
index the budget (checks, probes, lists, ...) is doubled until a recall of 0.97 is passed, each budget asked several times in turns
of all programs, medians taken; the time at a recall is interpolated between two budgets, logarithmically. On one thread the time is that
of the processor, on several what passes. FLANN has no threads of its own: as many of Python's ask it for a share of the queries each.
"""
import argparse
import json
import os
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import faiss
import numpy as np

RECALLS = (0.7, 0.9, 0.95)
ENDINGS = (".png", ".ppm", ".pgm", ".jpg", ".jpeg")


def descriptors(path):
    image = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    if image is None:
        return np.zeros((0, 128), np.uint8)
    _, d = cv2.SIFT_create(contrastThreshold=0.01).detectAndCompute(image, None)
    if d is None:
        return np.zeros((0, 128), np.uint8)
    d = np.sqrt(d / np.maximum(d.sum(1, keepdims=True), 1e-9)) * 512
    return np.clip(np.round(d), 0, 255).astype(np.uint8)


def extract(data, count, asked):
    """Points of the gallery and queries: of every sequence of oxford_affine the last picture asks, of smvs_dvd the photographs
    of one camera do; the same objects are in the gallery, so that some queries have true neighbours and others none."""
    gallery, queries = [], []
    for name in sorted(os.listdir(os.path.join(data, "oxford_affine"))):
        folder = os.path.join(data, "oxford_affine", name)
        if os.path.isdir(folder):
            files = sorted(f for f in os.listdir(folder) if f.lower().endswith(ENDINGS))
            gallery += [os.path.join(folder, f) for f in files[:-1]]
            queries += [os.path.join(folder, f) for f in files[-1:]]
    for group, into in (("reference", gallery), ("canon", queries)):
        folder = os.path.join(data, "smvs_dvd", group)
        files = sorted(f for f in os.listdir(folder) if f.lower().endswith(ENDINGS))
        into += [os.path.join(folder, f) for f in files]
    rng = np.random.default_rng(1)
    sets = []
    for files, most in ((gallery, count), (queries, asked)):
        rows = np.concatenate([descriptors(f) for f in files])
        sets.append(rows[np.sort(rng.permutation(len(rows))[:most])])
    return sets


class Vizsla:
    def __init__(self, program, points, queries, kind, first, second, threads):
        self.process = subprocess.Popen(
            [program, points, queries, kind, str(first), str(second)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env={**os.environ, "RAYON_NUM_THREADS": str(threads)})
        # The processor time of another process.
        self.clock = (~self.process.pid << 3) | 2 if threads == 1 else None
        built = float(self.process.stdout.readline())
        self.build = time.clock_gettime(self.clock) if self.clock else built

    def __call__(self, budget):
        before = time.clock_gettime(self.clock) if self.clock else 0
        self.process.stdin.write(f"{budget}\n")
        self.process.stdin.flush()
        each, *rows = self.process.stdout.readline().split()
        if self.clock:
            each = (time.clock_gettime(self.clock) - before) * 1e6 / len(rows)
        return float(each), np.array(rows, np.int64)


class Peer:
    """An index whose `search` takes all queries and a budget and gives a row for each."""

    def __init__(self, make, search, queries, threads):
        self.clock = time.process_time if threads == 1 else time.perf_counter
        start = self.clock()
        self.index = make()
        self.build = self.clock() - start
        self.search, self.queries = search, queries

    def __call__(self, budget):
        start = self.clock()
        rows = self.search(self.index, budget)
        return (self.clock() - start) * 1e6 / len(self.queries), rows


def flann(points, queries, trees, threads):
    shares = np.array_split(queries, threads)
    pool = ThreadPoolExecutor(threads)

    def make():
        index = cv2.flann_Index()
        index.build(points, {"algorithm": 1, "trees": trees})
        return index

    def search(index, checks):
        ask = lambda share: index.knnSearch(share, 1, params={"checks": checks, "sorted": True})[0]
        rows = np.concatenate(list(pool.map(ask, shares)) if threads > 1 else [ask(queries)])
        return rows[:, 0].astype(np.int64)

    return Peer(make, search, queries, threads)


def ivf(points, queries, threads):
    def make():
        index = faiss.index_factory(128, "IVF1024,Flat")
        index.train(points)
        index.add(points)
        return index

    def search(index, probes):
        index.nprobe = probes
        return index.search(queries, 1)[1][:, 0]

    return Peer(make, search, queries, threads)


def hnsw(points, queries, threads):
    def make():
        index = faiss.IndexHNSWFlat(128, 32)
        index.hnsw.efConstruction = 80
        index.add(points)
        return index

    def search(index, breadth):
        index.hnsw.efSearch = breadth
        return index.search(queries, 1)[1][:, 0]

    return Peer(make, search, queries, threads)


def at(curve, recall):
    """Microseconds a query where a curve of (recall, time) passes a recall."""
    before = (0.0, curve[0][1])
    for point in curve:
        if point[0] >= recall:
            share = (recall - before[0]) / max(point[0] - before[0], 1e-9)
            return float(np.exp(np.log(before[1]) * (1 - share) + np.log(point[1]) * share))
        before = point
    return None


def measure(programs, right, rounds):
    """Curves of (recall, median time) of all programs, each budget of all asked in turn."""
    curves = {name: [] for name in programs}
    for step in range(14):
        live = [n for n in programs if not curves[n] or curves[n][-1][0] < 0.97]
        if not live:
            break
        times, found = {n: [] for n in live}, {}
        for _ in range(rounds):
            for name in live:
                program, first = programs[name]
                each, rows = program(first << step)
                times[name].append(each)
                found[name] = right(rows)
        for name in live:
            curves[name].append((found[name], float(np.median(times[name]))))
            print(f"{name:24} {programs[name][1] << step:7} recall {found[name]:.3f} {curves[name][-1][1]:9.1f} us", flush=True)
    return curves


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vizsla-bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--trees", type=int, default=4)
    parser.add_argument("--leaf", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="names of programs, comma-separated")
    parser.add_argument("--json")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    faiss.omp_set_num_threads(args.threads)
    points, queries = extract(args.data, args.count, args.queries)
    floats, asked = points.astype(np.float32), queries.astype(np.float32)
    nearest = faiss.knn(asked, floats, 1)[0][:, 0]

    def right(rows):
        answered = rows >= 0
        distances = ((floats[rows] - asked) ** 2).sum(1)
        return float((answered & (distances <= nearest + 0.5)).mean())

    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, name) for name in ("points", "queries")]
        points.tofile(files[0])
        queries.tofile(files[1])
        start = {
            "Vizsla": (lambda: Vizsla(args.vizsla_bin, *files, "forest", args.trees, args.leaf, args.threads), 16),
            "FLANN (OpenCV)": (lambda: flann(floats, asked, args.trees, args.threads), 16),
            "FAISS IVF1024": (lambda: ivf(floats, asked, args.threads), 1),
            "FAISS HNSW32": (lambda: hnsw(floats, asked, args.threads), 2),
            "Vizsla, LSH": (lambda: Vizsla(args.vizsla_bin, *files, "lsh", 6, 16, args.threads), 1),
        }
        if args.only:
            start = {name: start[name] for name in args.only.split(",")}
        programs = {name: (make(), first) for name, (make, first) in start.items()}
        curves = measure(programs, right, args.rounds)
    rows = []
    print(f"{len(points)} points, {len(queries)} queries, {args.trees} trees, {args.threads} threads")
    for name, (program, _) in programs.items():
        times = {recall: at(curves[name], recall) for recall in RECALLS}
        rows.append({"name": name, "build_s": program.build, "curve": curves[name], "us": times})
    own = rows[0]["us"]
    for row in rows:
        shown = [f"{row['us'][r]:8.1f} us {row['us'][r] / own[r]:6.2f}x" if row["us"][r] and own[r] else "-" for r in RECALLS]
        print(f"{row['name']:20} build {row['build_s']:7.2f} s  " + "  ".join(shown))
    if args.json:
        with open(args.json, "w") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
