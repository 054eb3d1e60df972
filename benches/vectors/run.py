"""Indexes of vectors beside FAISS, hnswlib, usearch and ScaNN: recall@10 against queries a second, time to build and bytes a vector.

Real descriptors (data.py), Euclidean distance; truth is exact search. Every program builds its index and is asked the same queries here, one
program after the other, with budgets (lists looked into, width of a walk, ...) that grow until a recall of 0.995 is passed. On one thread time
is that of the processor, on several what passes; of each budget the fastest of the rounds counts. Queries a second at a recall are
interpolated between two budgets, logarithmically. With `--every N` only every Nth point may be an answer: FAISS is given a bitmap, hnswlib a function
of Python, the only filters they have there.
"""
import argparse
import inspect
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import faiss
import numpy as np

import data

RECALLS = (0.9, 0.95, 0.99)
K = 10
ENOUGH = 0.995


class Vizsla:
    """The program: it is given files, says how long it built and what a vector takes, and answers budgets."""

    def __init__(self, program, folder, name, threads):
        self.process = subprocess.Popen(
            [program, folder / "points.fbin", folder / "queries.fbin", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "RAYON_NUM_THREADS": str(threads)})
        # The processor time of another process.
        self.clock = (~self.process.pid << 3) | 2 if threads == 1 else None
        elapsed, self.bytes = self.process.stdout.readline().split()
        self.build = time.clock_gettime(self.clock) if self.clock else float(elapsed)

    def __call__(self, budget):
        before = time.clock_gettime(self.clock) if self.clock else 0
        self.process.stdin.write(" ".join(map(str, budget)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        spent = time.clock_gettime(self.clock) - before if self.clock else 0
        seconds, *rows = line.split()
        # What is printed costs something too; the program's own time on one thread is that of its processor.
        return (float(seconds) if not self.clock else min(spent, float(seconds))), np.array(rows, np.int64).reshape(-1, K)

    def restrict(self, every):
        self.process.stdin.write(f"every {every}\n")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Peer:
    """An index whose `search` takes a budget and gives rows for all queries."""

    def __init__(self, threads, make, search, size):
        self.clock = time.process_time if threads == 1 else time.perf_counter
        start = self.clock()
        self.index = make()
        self.build = self.clock() - start
        self.bytes = size(self.index)
        self.search = search
        self.options = {}

    def __call__(self, budget):
        start = self.clock()
        rows = self.search(self.index, *budget, **self.options)
        return self.clock() - start, rows

    def restrict(self, every):
        if "every" not in inspect.signature(self.search).parameters:
            raise RuntimeError("it has no filter")
        self.options = {"every": every}

    def close(self):
        self.index = None


def of_faiss(points, queries, threads, name, tune):
    def make():
        index = faiss.index_factory(points.shape[1], name)
        if isinstance(index, faiss.IndexHNSW):
            index.hnsw.efConstruction = 200
        index.train(points)
        index.add(points)
        return index

    def search(index, *budget, every=1):
        if every > 1:
            return index.search(queries, K, params=chosen(index, budget, len(points), every))[1]
        tune(index, *budget)
        return index.search(queries, K)[1]

    size = lambda index: len(faiss.serialize_index(index)) / len(points)
    faiss.omp_set_num_threads(threads)
    return Peer(threads, make, search, size)


def width(index, breadth):
    faiss.downcast_index(index).hnsw.efSearch = breadth


def lists(index, probes, factor=None):
    inner = faiss.downcast_index(index)
    if factor is not None:
        inner.k_factor = factor
        inner = faiss.downcast_index(inner.base_index)
    inner.nprobe = probes


def chosen(index, budget, count, every):
    """What a search of FAISS is told where every so many-th point may be an answer."""
    mask = np.zeros(count, bool)
    mask[::every] = True
    selector = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
    inner = faiss.downcast_index(index)
    if isinstance(inner, faiss.IndexHNSW):
        return faiss.SearchParametersHNSW(sel=selector, efSearch=budget[0])
    if isinstance(inner, faiss.IndexRefine):
        return faiss.IndexRefineSearchParameters(k_factor=budget[1], base_index_params=faiss.SearchParametersIVF(sel=selector, nprobe=budget[0]))
    return faiss.SearchParametersIVF(sel=selector, nprobe=budget[0])


def of_hnswlib(points, queries, threads, neighbours):
    import hnswlib

    def make():
        index = hnswlib.Index(space="l2", dim=points.shape[1])
        index.init_index(max_elements=len(points), ef_construction=200, M=neighbours)
        index.set_num_threads(threads)
        index.add_items(points)
        return index

    def search(index, breadth, every=1):
        index.set_ef(breadth)
        allowed = None if every == 1 else lambda label: label % every == 0
        return index.knn_query(queries, K, filter=allowed)[0].astype(np.int64)

    def size(index):
        with tempfile.NamedTemporaryFile() as file:
            index.save_index(file.name)
            return os.path.getsize(file.name) / len(points)

    return Peer(threads, make, search, size)


def of_usearch(points, queries, threads, kind):
    from usearch.index import Index

    scaled = 1.0 if kind == "f32" else 127 / np.abs(points).max()
    stored = points if kind == "f32" else np.round(points * scaled).astype(np.int8)
    asked = queries if kind == "f32" else np.clip(np.round(queries * scaled), -127, 127).astype(np.int8)

    def make():
        index = Index(ndim=points.shape[1], metric="l2sq", dtype=kind, connectivity=16, expansion_add=200)
        index.add(np.arange(len(points)), stored, threads=threads)
        return index

    def search(index, breadth):
        index.expansion_search = breadth
        return index.search(asked, K, threads=threads).keys.astype(np.int64)

    return Peer(threads, make, search, lambda index: index.serialized_length / len(points))


def of_scann(points, queries, threads, leaves):
    import scann

    def make():
        builder = scann.scann_ops_pybind.builder(points, K, "squared_l2").tree(num_leaves=leaves, num_leaves_to_search=leaves // 20, training_sample_size=250_000)
        return builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(100).set_n_training_threads(threads).build()

    def search(index, probes, factor):
        if threads == 1:
            return index.search_batched(queries, leaves_to_search=probes, pre_reorder_num_neighbors=K * factor)[0].astype(np.int64)
        return index.search_batched_parallel(queries, leaves_to_search=probes, pre_reorder_num_neighbors=K * factor)[0].astype(np.int64)

    return Peer(threads, make, search, lambda index: points.shape[1] * 4.5)


def recall(rows, truth):
    hits = sum(len(np.intersect1d(row[row >= 0], right[:K])) for row, right in zip(rows, truth))
    return hits / (K * len(truth))


def nearest_of_every(points, queries, every):
    index = faiss.IndexFlatL2(points.shape[1])
    index.add(points[::every])
    return index.search(queries, K)[1] * every


def at(curve, wanted):
    """Queries a second where a curve of (recall, queries a second), best of equal recalls, passes a recall."""
    best = sorted((r, max(q for s, q in curve if s >= r)) for r, _ in curve)
    before = None
    for point in best:
        if point[0] >= wanted:
            if before is None:
                return point[1]
            share = (wanted - before[0]) / max(point[0] - before[0], 1e-9)
            return float(np.exp(np.log(before[1]) * (1 - share) + np.log(point[1]) * share))
        before = point
    return None


def measured(name, program, budgets, truth, rounds):
    curve = []
    for budget in budgets:
        taken, rows = min((program(budget) for _ in range(rounds)), key=lambda found: found[0])
        curve.append((recall(rows, truth), len(truth) / taken))
        print(f"  {name:36} {str(budget):12} recall {curve[-1][0]:.4f}  {curve[-1][1]:9.0f} queries/s", flush=True)
        if curve[-1][0] > ENOUGH:
            break
    return curve


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vizsla-bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--set", choices=("sift", "mobilenet"), default="sift")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="threads that search; all cores build unless --build-threads says otherwise")
    parser.add_argument("--every", type=int, nargs="*", default=[1], help="filters: 2 20 1000 let half, 5 % and 0.1 % of the points pass")
    parser.add_argument("--only", help="parts of names of programs, separated by |")
    parser.add_argument("--cache", default="target/bench/vectors", help="where descriptors are kept")
    parser.add_argument("--json")
    args = parser.parse_args()
    points, queries, truth = data.sets(args.set, args.data, args.count, args.queries, args.cache)
    dimension = points.shape[1]
    n_lists = 4096 if args.count >= 500_000 else 1024
    parts = dimension // 2
    walks = [(w,) for w in (10, 14, 20, 28, 40, 56, 80, 112, 160, 240, 400, 800)]
    probed = [(p, f) for p in (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256) for f in (4, 16)]
    plain = [(p,) for p in (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 256)]
    threads = args.threads
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name, array in (("points", points), ("queries", queries)):
            with open(folder / f"{name}.fbin", "wb") as file:
                np.array(array.shape, np.uint32).tofile(file)
                array.tofile(file)
        own = lambda name: lambda: Vizsla(args.vizsla_bin, folder, name, threads)
        faiss_of = lambda name, tune: lambda: of_faiss(points, queries, threads, name, tune)
        programs = {
            "Vizsla HNSW32,SQ8": (own("HNSW32,SQ8"), walks),
            "Vizsla HNSW16,SQ8": (own("HNSW16,SQ8"), walks),
            f"Vizsla IVF{n_lists},PQ{parts}x4fs,RFlat": (own(f"IVF{n_lists},PQ{parts}x4fs,RFlat"), probed),
            f"Vizsla IVF{n_lists},RaBitQ4": (own(f"IVF{n_lists},RaBitQ4"), plain),
            "FAISS HNSW32,Flat": (faiss_of("HNSW32,Flat", width), walks),
            "FAISS HNSW32,SQ8": (faiss_of("HNSW32_SQ8", width), walks),
            f"FAISS IVF{n_lists},PQ{parts}x4fs,RFlat": (faiss_of(f"IVF{n_lists},PQ{parts}x4fs,RFlat", lists), probed),
            f"FAISS IVF{n_lists},RaBitQ4": (faiss_of(f"IVF{n_lists},RaBitQ4", lists), plain),
            "hnswlib M 16": (lambda: of_hnswlib(points, queries, threads, 16), walks),
            "hnswlib M 32": (lambda: of_hnswlib(points, queries, threads, 32), walks),
            "usearch f32": (lambda: of_usearch(points, queries, threads, "f32"), walks),
            "usearch i8": (lambda: of_usearch(points, queries, threads, "i8"), walks),
            f"ScaNN {n_lists // 2}": (lambda: of_scann(points, queries, threads, n_lists // 2), probed),
        }
        if args.only:
            programs = {name: p for name, p in programs.items() if any(part in name for part in args.only.split("|"))}
        rows = []
        print(f"{len(points)} x {dimension} ({args.set}), {len(queries)} queries, {threads} threads, {time.strftime('%Y-%m-%d')}")
        for name, (make, budgets) in programs.items():
            try:
                program = make()
            except (ImportError, RuntimeError) as error:
                print(f"{name}: left out, {error}")
                continue
            print(f"{name}: built in {program.build:.1f} s, {float(program.bytes):.0f} bytes a vector", flush=True)
            for every in args.every:
                try:
                    if every > 1:
                        program.restrict(every)
                    right = truth if every == 1 else nearest_of_every(points, queries, every)
                    curve = measured(name, program, budgets, right, args.rounds)
                except RuntimeError as error:
                    print(f"{name}: one of {every} points left out, {str(error).splitlines()[-1]}", flush=True)
                    continue
                figures = {"build_s": program.build, "bytes": float(program.bytes), "curve": curve, "at": {r: at(curve, r) for r in RECALLS}}
                rows.append({"name": name if every == 1 else f"{name}, one of {every}", **figures})
                if args.json:
                    Path(args.json).write_text(json.dumps({"set": args.set, "count": len(points), "threads": threads, "rows": rows}, indent=1))
            program.close()
    print(f"\n| index | build s | bytes a vector | {' | '.join(f'queries/s at {r}' for r in RECALLS)} |\n|{'---|' * (3 + len(RECALLS))}")
    for row in rows:
        shown = [f"{row['at'][r]:,.0f}" if row["at"][r] else "–" for r in RECALLS]
        print(f"| {row['name']} | {row['build_s']:.0f} | {row['bytes']:.0f} | {' | '.join(shown)} |")


if __name__ == "__main__":
    main()
