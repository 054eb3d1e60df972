"""Which scenes a setting may be chosen on, and which it is judged on.

    python halves.py --data DIR > halves.json

A scene is all queries of one building, product or cover. It belongs to the half `choose` when the CRC-32 of `set/scene` is even, and to
`report` otherwise. The gallery is not divided: every query is asked of all of it.
"""

from __future__ import annotations

import argparse
import json
import re
import zlib
from pathlib import Path

# What of a query's name is not of its scene: the number of a photograph, or the camera.
OF_PHOTOGRAPH = {
    "landmarks": r"__q\d+$",
    "products": r"(_\d{3}|_q\d\d|_(5800|canon|droid|iphone))$",
    "smvs_dvd": r"",
    "museum": r"",
}

# Folders of queries, where there is more than `queries`.
FOLDERS = {"smvs_dvd": ["canon", "e63"], "museum": ["qsd1_w1", "qsd2_w2", "qsd1_w3", "qsd2_w3", "qsd1_w4"]}


def queries(data: Path, name: str) -> list[Path]:
    parts = FOLDERS.get(name, ["queries"])
    return sorted(path for part in parts for path in (data / name / part).glob("*.jpg"))


def scene(name: str, query: Path) -> str:
    """The scene of a query of a set."""
    known = query.stem if name != "museum" else f"{query.parent.name}/{query.stem}"
    if name == "landmarks" and known.startswith("neg__"):
        return known
    return re.sub(OF_PHOTOGRAPH[name], "", known) if OF_PHOTOGRAPH[name] else known


def half(name: str, scene_name: str) -> str:
    return "report" if zlib.crc32(f"{name}/{scene_name}".encode()) % 2 else "choose"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    halves: dict[str, dict[str, list[str]]] = {}
    for name in OF_PHOTOGRAPH:
        scenes = sorted({scene(name, query) for query in queries(data, name)})
        halves[name] = {part: [one for one in scenes if half(name, one) == part] for part in ("choose", "report")}
    print(json.dumps(halves, indent=1))


if __name__ == "__main__":
    main()
