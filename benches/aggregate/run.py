"""Times clustering, aggregation and its search beside asmk, FAISS, scikit-learn and OpenCV on the same descriptors; see
benches/aggregate.md.

python run.py --bench target/release/examples/aggregate_bench --data ../shared/data [--images 1000] [--threads 1] [--cpu] [--json OUT]
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

class Timer:
    def __init__(self, rounds, clock):
        self.rounds, self.clock = rounds, clock

    def once(self, work, count):
        """Time for each of `count`, in microseconds, and what the work gave."""
        begun = self.clock()
        found = work()
        return (self.clock() - begun) * 1e6 / count, found

    def __call__(self, work, count):
        """Median time of the rounds, and what the last gave."""
        rounds = [self.once(work, count) for _ in range(self.rounds)]
        return sorted(took for took, _ in rounds)[self.rounds // 2], rounds[-1][1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--folder", default="flickr8k", help="folder below --data whose pictures are taken")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--words", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=1, help="of both sides, where they use any")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument("--cpu", action="store_true",
                        help="time of processors, of all threads together, instead of what passes: for a busy machine")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    # Libraries read the number of threads when they are loaded.
    import peers

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        pictures = pathlib.Path(options.data) / options.folder
        command = [options.bench, str(pictures), str(folder), "--images", str(options.images), "--words", str(options.words)]
        subprocess.run([*command, "--rounds", str(options.rounds), "--cpu", str(int(options.cpu))], check=True, stdout=sys.stderr)
        ours = json.loads((folder / "times.json").read_text())
        timed = Timer(options.rounds, time.process_time if options.cpu else time.perf_counter)
        figures = peers.compare(folder, timed, options.threads)
    for figure in figures:
        figure["threads"] = options.threads
        figure["clock"] = "processors" if options.cpu else "elapsed"
        figure["vizsla_us"] = ours[figure["name"]]
        # The clock of processors ticks a hundred times a second: what takes less is not told, and has no ratio.
        figure["ratio"] = figure["peer_us"] / figure["vizsla_us"] if figure["vizsla_us"] else float("nan")
        print("{name:15} {peer:32} {peer_us:10.1f} µs, vizsla {vizsla_us:9.1f} µs, ratio {ratio:6.1f}; {agreement}".format(**figure))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


main()
