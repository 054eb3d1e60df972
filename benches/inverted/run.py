"""Times the inverted file beside asmk's on the same postings; see benches/inverted.md.

python run.py --bench target/release/examples/inverted_bench [--images 100000] [--queries 20] [--rounds 3]
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import numpy
from asmk.inverted_file import IVF
from asmk.kernel import ASMKKernel

WORDS, FEATURES = 32_768, 500


def fill(words, signatures):
    """An asmk inverted file with these postings, without its slow way of adding one by one."""
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


def search(ivf, words, signatures):
    kernel = ASMKKernel(None, binary=True)
    # The same bar as 24 differing bits of 64.
    similar = lambda *a: kernel.similarity(*a, alpha=3.0, similarity_threshold=1 - 2 * 24.5 / 64)
    ranks, _ = ivf.search(signatures, words, similarity_func=similar, topk=100)
    return ranks


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", required=True)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [options.bench, str(options.images), str(options.queries)]
        subprocess.run([*command, folder], check=True, stdout=sys.stderr)
        read = lambda name, kind: numpy.fromfile(pathlib.Path(folder) / name, dtype=kind)
        ivf = fill(read("words.u32", "<u4"), read("signatures.u64", "<u8"))
        queries = list(
            zip(
                read("query_words.u32", "<u4").reshape(-1, FEATURES),
                read("query_signatures.u64", "<u8").view(numpy.uint32).reshape(-1, FEATURES, 2),
            )
        )
    for _ in range(options.rounds):
        times, found = [], 0
        for number, (words, signatures) in enumerate(queries):
            begun = time.perf_counter()
            ranks = search(ivf, words, signatures)
            times.append((time.perf_counter() - begun) * 1e3)
            found += int(ranks[0] == number * options.images // options.queries)
        asmk = numpy.median(times)
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        ours = float(re.search(r"median ([0-9.]+) ms", output)[1])
        print(f"asmk {asmk:.2f} ms ({found} found), vizsla {ours:.2f} ms, ratio {asmk / ours:.1f}")


main()
