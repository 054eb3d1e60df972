"""Times the inverted file beside those of asmk and COLMAP on the same postings; see benches/inverted.md.

python run.py --bench target/release/examples/inverted_bench [--images 100000] [--queries 20] [--rounds 5] [--threads 1]
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

WORDS, FEATURES, BITS, DIMENSION = 32_768, 500, 64, 128


def asmk_file(words, signatures):
    """An asmk inverted file with these postings, without its slow way of adding one by one."""
    from asmk.inverted_file import IVF

    image_ids = numpy.repeat(numpy.arange(len(words) // FEATURES), FEATURES)
    order = numpy.argsort(words, kind="stable")
    starts = numpy.searchsorted(words[order], numpy.arange(WORDS + 1))
    ivf = IVF.initialize_empty(codebook_size=WORDS, use_idf=True)
    ivf.n_images = len(words) // FEATURES
    packed = signatures.view(numpy.uint32).reshape(-1, 2)[order]
    ids = image_ids[order]
    for word in range(WORDS):
        part = slice(starts[word], starts[word + 1])
        if part.start < part.stop:
            ivf.ivf_vecs[word] = packed[part].copy()
            ivf.ivf_image_ids[word] = ids[part].copy()
    ivf.counts = numpy.diff(starts).astype(numpy.int32)
    ivf.idf = (numpy.log(ivf.n_images / numpy.maximum(ivf.counts, 1)) ** 2).astype(numpy.float32)
    ivf.norm_factor = numpy.bincount(image_ids, weights=ivf.idf[words], minlength=ivf.n_images)
    return ivf


class Asmk:
    name = "asmk"

    def __init__(self, postings, queries):
        from asmk.kernel import ASMKKernel

        self.ivf = asmk_file(*postings)
        self.kernel = ASMKKernel(None, binary=True)
        self.queries = [(words, signatures.view(numpy.uint32).reshape(-1, 2)) for words, signatures in queries]

    def ask(self):
        # The same bar as 24 differing bits of 64.
        similar = lambda *a: self.kernel.similarity(*a, alpha=3.0, similarity_threshold=1 - 2 * 24.5 / 64)
        first = []
        for words, signatures in self.queries:
            ranks, _ = self.ivf.search(signatures, words, similarity_func=similar, topk=100)
            first.append(int(ranks[0]))
        return first


class Colmap:
    """COLMAP's VisualIndex. Its words are made-up points; its postings and thresholds are written into its file, because it adds
    images by their descriptors, which takes a quarter of an hour. Descriptors of a query are words with the query's signature
    on top, so that it compares the very signatures that the others compare."""

    def __init__(self, folder, postings, queries, threads):
        import pycolmap

        self.pycolmap = pycolmap
        random = numpy.random.default_rng(1)
        centres = random.integers(64, 192, (WORDS, DIMENSION)).astype(numpy.float32)
        self.kind = pycolmap.FeatureExtractorType.SIFT
        index = pycolmap.VisualIndex.create(DIMENSION, BITS)
        options = pycolmap.VisualIndex.BuildOptions()
        options.num_visual_words, options.num_iterations, options.num_rounds, options.num_checks = WORDS, 1, 1, 1
        options.num_threads = threads
        # As many points as words: every point is a word.
        index.build(options, pycolmap.FeatureDescriptorsFloat(self.kind, centres))
        path = folder / "colmap.bin"
        index.write(path)
        built = path.read_bytes()
        self.options = pycolmap.VisualIndex.QueryOptions()
        self.options.num_neighbors, self.options.num_checks, self.options.max_num_images = 1, 1, 100
        self.options.num_threads = threads
        projection = numpy.frombuffer(built, "<f4", BITS * DIMENSION, self.postings_at(built) + 8).reshape(BITS, DIMENSION)
        self.descriptors = []
        for words, signatures in queries:
            bits = numpy.unpackbits(signatures.view(numpy.uint8).reshape(-1, 8), axis=1, bitorder="little").astype(numpy.float32)
            self.descriptors.append(centres[words] + (2 * bits - 1) @ projection)
        self.write(path, built, centres, projection, postings)
        self.index = self.read(path)
        # Without postings it is the search for words alone.
        self.write(path, built, centres, projection, None)
        self.empty = self.read(path)
        path.unlink()

    @staticmethod
    def postings_at(built):
        """Where the words' postings begin in a file without any: each word has its state, its weight, its thresholds and a count."""
        return len(built) - 4 - WORDS * (1 + 4 + 4 * BITS + 4) - 4 * BITS * DIMENSION - 8

    def write(self, path, built, centres, projection, postings):
        thresholds = (centres @ projection.T).astype("<f4")
        posting = numpy.dtype([("image", "<i4"), ("feature", "<i4"), ("place", "<f4", 4), ("signature", "<u8")])
        with open(path, "wb") as file:
            file.write(built[: self.postings_at(built) + 8 + 4 * BITS * DIMENSION])
            if postings is not None:
                words, signatures = postings
                order = numpy.argsort(words, kind="stable")
                starts = numpy.searchsorted(words[order], numpy.arange(WORDS + 1))
                images = len(words) // FEATURES
            for word in range(WORDS):
                rows = order[starts[word] : starts[word + 1]] if postings is not None else []
                idf = numpy.log(images / max(len(rows), 1)) if postings is not None else 1.0
                # 3: it has thresholds, and its postings are sorted.
                file.write(b"\x03" + numpy.float32(idf).tobytes() + thresholds[word].tobytes() + numpy.uint32(len(rows)).tobytes())
                if len(rows):
                    list_ = numpy.zeros(len(rows), posting)
                    list_["image"], list_["feature"], list_["signature"] = rows // FEATURES, rows % FEATURES, signatures[rows]
                    file.write(list_.tobytes())
            lengths = numpy.zeros(images if postings is not None else 0, [("image", "<i4"), ("factor", "<f4")])
            lengths["image"], lengths["factor"] = numpy.arange(len(lengths)), 1.0
            file.write(numpy.int32(len(lengths)).tobytes() + lengths.tobytes())

    def read(self, path):
        index = self.pycolmap.VisualIndex.read(path)
        index.prepare()
        return index

    def ask(self, index):
        for descriptors in self.descriptors:
            # Scores do not come back to Python: the list is copied on the way in.
            index.query(self.options, self.pycolmap.FeatureDescriptorsFloat(self.kind, descriptors), [])


class Vizsla:
    name = "Vizsla"

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.clock = (~self.process.pid << 3) | 2  # the processor time of another process
        while "found their image" not in (line := self.process.stdout.readline()):
            print(line.strip(), file=sys.stderr)

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()


def timed(work, count, clock=None):
    """Milliseconds of processors and elapsed, a query."""
    cpu = (lambda: time.clock_gettime(clock)) if clock else time.process_time
    before = cpu(), time.perf_counter()
    result = work()
    return result, (cpu() - before[0]) * 1e3 / count, (time.perf_counter() - before[1]) * 1e3 / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", required=True)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    # Libraries read the number of threads when they are loaded.
    global numpy
    import numpy

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        ours = Vizsla([options.bench, str(options.images), str(options.queries), name])
        read = lambda file, kind: numpy.fromfile(folder / file, dtype=kind)
        postings = read("words.u32", "<u4"), read("signatures.u64", "<u8")
        queries = list(zip(read("query_words.u32", "<u4").reshape(-1, FEATURES), read("query_signatures.u64", "<u8").reshape(-1, FEATURES)))
        colmap = Colmap(folder, postings, queries, options.threads)
        asmk = Asmk(postings, queries)
    del postings
    rows = {name: [] for name in ("Vizsla", "asmk", "COLMAP, whole query", "COLMAP, its words alone")}
    count = options.queries
    for _ in range(options.rounds):
        line, *took = timed(ours.ask, count, ours.clock)
        rows["Vizsla"].append(took)
        first, *took = timed(asmk.ask, count)
        rows["asmk"].append(took)
        assert first == [number * options.images // count for number in range(count)], "asmk finds others first"
        assert f"{count} found" in line, line
        rows["COLMAP, whole query"].append(timed(lambda: colmap.ask(colmap.index), count)[1:])
        rows["COLMAP, its words alone"].append(timed(lambda: colmap.ask(colmap.empty), count)[1:])
    print(line.strip())
    pairs = zip(rows["COLMAP, whole query"], rows["COLMAP, its words alone"])
    rows["COLMAP, inverted file"] = [[whole[i] - words[i] for i in (0, 1)] for whole, words in pairs]
    for name, times in rows.items():
        shown = [f"{name:24}"]
        for i, clock in enumerate(("processors", "elapsed")):
            ratios = [row[i] / own[i] for row, own in zip(times, rows["Vizsla"])]
            shown.append(f"{clock} {statistics.median(row[i] for row in times):7.3f} ms, ratio {statistics.median(ratios):5.1f} ({min(ratios):.1f} to {max(ratios):.1f})")
        print("; ".join(shown))
    if options.json:
        options.json.write_text(json.dumps({"threads": options.threads, "ms": rows}, indent=1))


main()
