"""Instance search: `vizsla evaluate` beside exhaustive pairwise OpenCV SIFT (baseline.py) on the same photographs.

    python run.py --vizsla PATH_TO_BINARY --data DIR [--skip-baseline] [--skip-distractors] [--out FILE]

Run by `cargo xtask bench instance`. The baseline is kept beside the binary's folder (`target/bench/`) and used
again with --skip-baseline. Query times of both sides are of one thread; indexing with distractors uses all cores.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

MUSEUM_SETS = ["qsd1_w1", "qsd2_w2", "qsd1_w3", "qsd2_w3", "qsd1_w4"]
SMVS_SETS = ["canon", "e63"]
FILES = ["landmarks", "products"]


def evaluate(vizsla, *arguments):
    """The report of one `vizsla evaluate` as a dictionary."""
    command = [str(vizsla), "evaluate", *map(str, arguments), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"failed with exit code {done.returncode}: {' '.join(command)}")
    return json.loads(done.stdout)


def baseline(options):
    file = options.baseline or options.vizsla.resolve().parent.parent / "bench" / "instance-baseline.json"
    if not options.skip_baseline:
        file.parent.mkdir(parents=True, exist_ok=True)
        script = Path(__file__).with_name("baseline.py")
        subprocess.run([sys.executable, script, "--data", options.data, "--out", file], check=True)
    if not file.is_file():
        sys.exit(f"no baseline yet; run once without --skip-baseline: {file}")
    return json.loads(file.read_text())


def print_table(heading, rows):
    widths = [max(len(str(row[c])) for row in [heading, *rows]) for c in range(len(heading))]
    for row in [heading, *rows]:
        cells = [str(cell).rjust(width) for cell, width in zip(row, widths)]
        print("| " + " | ".join([str(row[0]).ljust(widths[0]), *cells[1:]]) + " |")
        if row is heading:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print()


def both_ways(vizsla, *arguments):
    """The reports of local features alone, and with the network that ships."""
    return evaluate(vizsla, *arguments, "--no-encoder"), evaluate(vizsla, *arguments)


def side_by_side(title, names, peer, reports):
    """recall@1, mAP and time of the peer, of local features alone and with the network, one line per query set."""
    rows = []
    for name in names:
        theirs, ours = peer[name], [report["sets"][name] for report in reports]
        their_ms, our_ms = theirs["timing"]["query_ms_median"], [one["query_ms_median"] for one in ours]
        measured = [theirs["metrics"], theirs["fundamental"]["metrics"], *(one["metrics"] for one in ours)]
        rows.append(
            [
                name,
                *(f"{m['recall@1']:.3f}" for m in measured),
                *(f"{m['map']:.3f}" for m in measured),
                f"{their_ms:.0f}",
                *(f"{ms:.0f}" for ms in our_ms),
                f"{their_ms / our_ms[0]:.1f}",
            ]
        )
    print(f"{title}: {reports[0]['gallery']} gallery images, one thread\n")
    ours = ["Vizsla, local", "with network"]
    heading = ["set", "recall@1 OpenCV, H", "F", *ours, "mAP OpenCV, H", "F", *ours]
    print_table(heading + ["ms/query OpenCV", *ours, "ratio, local"], rows)


def share(value):
    return "–" if value is None else f"{value:.3f}"


def verdicts(name, peer, reports):
    """What is called a match: by counts of inliers, and by the one bound of ours."""
    theirs, ours = peer[name], [report["sets"].get(name, report)["metrics"] for report in reports]
    rows = []
    peers = [
        ("OpenCV, 15 inliers of a homography", theirs["verdict_fixed"]),
        ("OpenCV, best threshold in hindsight", theirs["verdict_best"]),
        ("OpenCV, 15 inliers of a fundamental matrix", theirs["fundamental"]["verdict_fixed"]),
        ("OpenCV, best threshold in hindsight", theirs["fundamental"]["verdict_best"]),
    ]
    for label, v in peers:
        rows.append(
            [label, *(share(v[k]) for k in ("precision", "recall", "f1", "known_answered", "unknown_rejected"))]
        )
    names = ("verdict_precision", "verdict_recall", "verdict_f1", "known_answered", "unknown_rejected")
    for label, measured in zip(["Vizsla, its verdict", "the same, with the network"], ours):
        rows.append([label, *(share(measured.get(name)) for name in names)])
    rows.append(["Vizsla, best bound in hindsight", "", "", share(ours[0].get("best_f1")), "", ""])
    print(f"{name}: some queries show what the gallery does not have\n")
    print_table(["verdict by", "precision", "recall", "F1", "known answered", "unknown rejected"], rows)


def with_distractors(options):
    """SMVS among all Flickr8k and MIT images: indexed with all cores, then searched with one thread."""
    with tempfile.TemporaryDirectory() as folder:
        common = ["smvs", "--data", options.data / "smvs_dvd", "--keep", Path(folder) / "distractors.vizsla"]
        for name in ("flickr8k", "mit_split"):
            common += ["--distractors", options.data / name]
        indexed = evaluate(options.vizsla, *common)
        searched = evaluate(options.vizsla, *common, "--threads", 1)
    rows = []
    for name in [*SMVS_SETS, "all"]:
        part = searched if name == "all" else searched["sets"][name]
        rows.append([name, f"{part['metrics']['recall@1']:.3f}", f"{part['metrics']['map']:.3f}"])
    print(f"smvs with distractors: {searched['gallery']} gallery images\n")
    print_table(["set", "recall@1", "mAP"], rows)
    one, all_cores = searched["timing"], indexed["timing"]
    costs = [
        ["query, one thread, median / 99 %", f"{one['query_ms_median']:.1f} / {one['query_ms_p99']:.1f} ms"],
        ["query, all cores, median / 99 %", f"{all_cores['query_ms_median']:.1f} / {all_cores['query_ms_p99']:.1f} ms"],
        ["indexing, all cores", f"{all_cores['index_images_per_s']:.1f} images/s"],
        ["on disk", f"{indexed['bytes_per_image']:.0f} bytes/image"],
        ["peak memory, indexing and searching", mebibytes(indexed["peak_rss_bytes"])],
        ["peak memory, searching", mebibytes(searched["peak_rss_bytes"])],
    ]
    print_table(["cost", "value"], costs)
    return {"indexed": indexed, "searched": searched}


def mebibytes(value):
    return "–" if value is None else f"{value / 2**20:.0f} MiB"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vizsla", type=Path, required=True, help="the binary under test")
    parser.add_argument("--data", type=Path, required=True, help="folder with smvs_dvd/, museum/, landmarks/, products/, flickr8k/, mit_split/")
    parser.add_argument("--baseline", type=Path, help="where the baseline's JSON is kept")
    parser.add_argument("--skip-baseline", action="store_true", help="use the baseline of an earlier run")
    parser.add_argument("--skip-distractors", action="store_true", help="leave out the 10,879-image gallery")
    parser.add_argument("--out", type=Path, help="write all reports as JSON")
    options = parser.parse_args()

    peer = baseline(options)
    print(f"peer: {peer['peer']}, OpenCV {peer['versions']['opencv']}, {peer['machine']}\n")
    smvs = both_ways(options.vizsla, "smvs", "--data", options.data / "smvs_dvd", "--threads", 1)
    side_by_side("smvs", SMVS_SETS, peer["smvs"], smvs)
    museum = both_ways(options.vizsla, "museum", "--data", options.data / "museum", "--threads", 1)
    side_by_side("museum", MUSEUM_SETS, peer["museum"], museum)
    verdicts("qsd1_w4", peer["museum"], museum)
    reports = {"peer": peer, "smvs": smvs, "museum": museum}
    for name in FILES:
        there = options.data / name
        told = ["--gallery", there / "gallery", "--queries", there / "queries", "--truth", there / "truth.json"]
        found = both_ways(options.vizsla, "files", *told, "--threads", 1)
        for report in found:
            # One set of queries, named by what was read.
            report["sets"] = {name: next(iter(report["sets"].values()), report)}
        side_by_side(name, [name], peer[name], found)
        verdicts(name, peer[name], found)
        reports[name] = found
    if not options.skip_distractors:
        reports["distractors"] = with_distractors(options)
    if options.out:
        options.out.write_text(json.dumps(reports, indent=1) + "\n")


if __name__ == "__main__":
    main()
