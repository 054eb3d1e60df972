"""Collections of 10,000 images, of 100,000 and more: what taking in, merging, searching and removing cost, and how it grows.

Images are made of real ones with small changes (see crates/retrieval/examples/scale_bench.rs). Each step runs in a process of its own, of which the
peak memory is told. Before cold queries the pages of the collection's files are dropped. `--plot FILE` draws the time of a query over the number of images.
"""
import argparse
import json
import os
import shutil
import subprocess
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vizsla-bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--seeds", type=int, default=2000, help="pictures that images are made of")
    parser.add_argument("--queries", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--codebook", help="instead of the general one, such as one of a million words")
    parser.add_argument("--folder", default="target/bench/scale", help="where collections are made; they are removed again")
    parser.add_argument("--json", help="file for the figures")
    parser.add_argument("--plot", help="file for the picture (SVG)")
    args = parser.parse_args()
    environment = {**os.environ, "RAYON_NUM_THREADS": str(args.threads)}

    def step(*command):
        said = subprocess.run([args.vizsla_bin, *map(str, command)], env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
        return json.loads(said)

    folder = Path(args.folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pictures = Path(args.data) / "flickr8k"
    seed = folder / "seed.vizsla"
    step("seed", seed, args.seeds, pictures, *([args.codebook] if args.codebook else []))
    known = sorted(path for path in pictures.rglob("*.jpg"))[: args.seeds]
    asked = known[:: max(1, len(known) // args.queries)][: args.queries]
    rows = []
    for images in args.images:
        place = folder / "c.vizsla"
        row = {"images": images, "words": args.codebook or "general"}
        row["make"] = step("make", seed, place, images)
        row["optimize"] = step("optimize", place)
        drop(place)
        row["query"] = step("query", place, *asked)
        row["index_bytes"] = sum(file.stat().st_size for file in (place / "segments").iterdir())
        row["remove"] = step("remove", place, 10)
        row["optimize after removing"] = step("optimize", place)
        if images <= 20_000:
            row["remove half"] = step("remove", place, 2)
            step("optimize", place)
            fresh = folder / "fresh.vizsla"
            step("copy", place, fresh)
            row["as fresh"] = step("answers", place, *asked)["answers"] == step("answers", fresh, *asked)["answers"]
            shutil.rmtree(fresh)
        shutil.rmtree(place)
        rows.append(row)
        print(json.dumps(row), flush=True)
        if args.json:
            Path(args.json).write_text(json.dumps(rows, indent=1))
    print("\n" + table(rows))
    if args.plot:
        plot(rows, args.plot)


def drop(place):
    """Asks the system to forget the pages of all files."""
    for file in place.rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


# Stages of a search before the shortlist is verified, besides looking at the picture.
BEFORE = ("words", "shortlist", "global", "fuse")


def before(times):
    return sum(times["median_ms"].get(name, 0.0) for name in BEFORE)


def table(rows):
    lines = ["| images | taken in, images/s | peak MB | optimize s | bytes an image | opening ms | query ms: cold, warm | words, shortlist, vectors | verify | peak MB | remove a tenth s |", "|" + "---|" * 11]
    for row in rows:
        query, warm = row["query"], row["query"]["warm"]["median_ms"]
        size = (query["catalog_bytes"] + query["segment_bytes"] + query["artefact_bytes"]) / query["images"]
        lines.append(
            f"| {row['images']:,} | {row['images'] / row['make']['taking_in_s']:,.0f} | {row['make']['peak_mb']:,} | {row['optimize']['seconds']:.1f} | {size:,.0f} "
            f"| {query['opening_ms']:.1f} | {query['cold']['median_ms']['all']:.0f}, {warm['all']:.0f} | {before(query['warm']):.1f} | {warm.get('verify', 0):.1f} "
            f"| {query['peak_mb']:,} | {row['remove']['seconds']:.1f} |")
    return "\n".join(lines)


def plot(rows, file):
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    images = [row["images"] for row in rows]
    for label, times in {
        "all": [row["query"]["warm"]["median_ms"]["all"] for row in rows],
        "words, shortlist, vectors": [before(row["query"]["warm"]) for row in rows],
        "all, cold": [row["query"]["cold"]["median_ms"]["all"] for row in rows],
    }.items():
        pyplot.loglog(images, times, marker="o", label=label)
    pyplot.xlabel("images")
    pyplot.ylabel("ms a query, one thread")
    pyplot.legend()
    pyplot.grid(True, which="both", alpha=0.3)
    pyplot.savefig(file)


if __name__ == "__main__":
    main()
