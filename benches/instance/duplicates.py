"""How many of the copies that copies.py made `vizsla duplicates` finds, and what it takes for one.

    python duplicates.py --vizsla PATH --copies FOLDER

All pairs within a group count. Wanted are an original and what shows at least half of it, mirror images included; other pictures of one original
(two crops of it, collages it is a part of) are neither asked for nor counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections import defaultdict
from itertools import combinations
from pathlib import Path


def kind(pair: tuple[str, str]) -> str:
    """What was done to the copy of a pair."""
    names = [Path(name).stem for name in pair]
    return next((name.rsplit("_", 1)[1] for name in names if "_" in name), "other")


def found(vizsla: Path, folder: Path, options: list[str]) -> set[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as place:
        collection = f"{place}/c.vizsla"
        subprocess.run([vizsla, "index", folder / "gallery", folder / "queries", "--into", collection], check=True, capture_output=True)
        done = subprocess.run([vizsla, "duplicates", collection, "--json", *options], check=True, capture_output=True, text=True)
    pairs: set[tuple[str, str]] = set()
    for group in json.loads(done.stdout)["groups"]:
        paths = [Path(image["paths"][0]).relative_to(folder.resolve()).as_posix() for image in group["images"]]
        pairs |= set(combinations(sorted(paths), 2))
    return pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vizsla", type=Path, required=True)
    parser.add_argument("--copies", type=Path, required=True)
    arguments = parser.parse_args()
    known = json.loads((arguments.copies / "pairs.json").read_text())
    wanted, ignored = ({tuple(sorted(pair)) for pair in known[name]} for name in ("wanted", "ignored"))
    for options in ([], ["--no-mirrored"]):
        pairs = found(arguments.vizsla, arguments.copies.resolve(), options) - ignored
        right = pairs & wanted
        print(" ".join(["duplicates", *options]), f"pairs {len(pairs)}: precision {len(right) / max(1, len(pairs)):.3f} recall {len(right) / len(wanted):.3f}")
        of_kind = defaultdict(lambda: [0, 0])
        for pair in wanted:
            of_kind[kind(pair)][1] += 1
            of_kind[kind(pair)][0] += pair in right
        print("  found of", ", ".join(f"{name} {a}/{b}" for name, (a, b) in sorted(of_kind.items())))
        for pair in sorted(pairs - wanted)[:20]:
            print("  wrong", *pair)


if __name__ == "__main__":
    main()
