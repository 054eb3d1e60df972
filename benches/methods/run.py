"""One table: every method on every data set. mAP, recall@1, bytes an image, ms a query, images/s indexed.

Times are processor time, of all threads together, so that other work on the machine changes them little.

    python run.py --vizsla PATH --data DIR [--json OUT] [--methods dog,vlad_intra] [--sets smvs,landmarks] [--table FILE]

Run by `cargo xtask bench methods`. A method is a recipe: one of those below, or of the ready recipes of historic
systems; what it learns (a codebook of its descriptors, a vocabulary to sum by, a whitening) is learned from 1,000 pictures of Flickr8k, which are no
one's queries and no one's gallery. Rows that are in the file of `--json` already are not measured again: the table can be made in several
sittings, and a new method costs its own row. A network that a recipe names is taken from the folder `models` of the data.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Pictures that vocabularies are learned from.
LEARNED_FROM = 1000
# The words of a codebook that is learned here: small data sets and few pictures to learn from.
WORDS = 16384

DETECTORS = "harris_laplace hessian_laplace harris_affine hessian_affine mser fast_hessian fast orb".split()
DESCRIPTORS = "sift dsp_sift surf surf_extended lbp cs_lbp brief".split()
STAGES = {"dog_expand_regions": ["verify", "expand:regions:5", "verify"]}
WHOLE = {name: name for name in "lbp gabor hog phog edges layout correlogram tamura cooccurrence dct_hash".split()} | {
    "hsv": "hsv@2x2",
    "combined": "hsv@2x2*0.5+lbp*0.3+phog*0.2",
}


def sets(data: Path) -> dict[str, list[str]]:
    """What `vizsla evaluate` is told for each data set."""
    files = lambda name: [
        "files", "--gallery", f"{data}/{name}/gallery", "--queries", f"{data}/{name}/queries", "--truth", f"{data}/{name}/truth.json",
    ]
    smvs = ["smvs", "--data", f"{data}/smvs_dvd"]
    others = [f"{data}/museum/gallery", f"{data}/mit_split", f"{data}/flickr8k/images"]
    return {
        "smvs": smvs,
        "smvs_10k": smvs + [word for folder in others for word in ("--distractors", folder)],
        "museum": ["museum", "--data", f"{data}/museum"],
        "landmarks": files("landmarks"),
        "products": files("products"),
        "mit_split": ["folders", "--gallery", f"{data}/mit_split/train", "--queries", f"{data}/mit_split/test"],
    }


class Vizsla:
    """The program, with a folder for what it learns."""

    def __init__(self, program: Path, data: Path, folder: Path, threads: int):
        self.program, self.data, self.folder, self.threads = program, data, folder, threads
        self.threads_option = ["--threads", str(threads)]
        self.environment = os.environ | {"VIZSLA_MODELS": str(folder / "models")}

    def run(self, *arguments: object) -> str:
        command = [str(self.program), *map(str, arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, env=self.environment)
        if done.returncode not in (0, 3):
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr.strip()}")
        return done.stdout

    def sample(self) -> Path:
        """A folder of links to the pictures that things are learned from."""
        folder = self.folder / "sample"
        if not folder.is_dir():
            folder.mkdir(parents=True)
            pictures = sorted((self.data / "flickr8k" / "images").glob("*.jpg"))
            for picture in pictures[:: max(1, len(pictures) // LEARNED_FROM)][:LEARNED_FROM]:
                (folder / picture.name).symlink_to(picture)
        return folder

    def codebook(self, local: dict) -> list[str]:
        """The option of a codebook of the recipe's descriptors; the built-in one is of RootSIFT."""
        detector, descriptor = local.get("detector", "dog"), local.get("descriptor", "root_sift")
        if descriptor == "root_sift" or not local.get("enabled", True):
            return []
        file = self.folder / f"{detector}-{descriptor}.vzcb"
        if not file.is_file():
            kinds = ["--detector", detector, "--descriptor", descriptor, "--words", WORDS]
            self.run("codebook", "train", self.sample(), "--into", file, *kinds, *self.threads_option)
        return ["--codebook", str(file)]

    def aggregator(self, aggregate: dict) -> list[str]:
        """The option of a vocabulary for Fisher vectors; the others learn theirs from the codebook's words."""
        if aggregate.get("aggregate") != "fisher":
            return []
        words, components = aggregate.get("words", 64), aggregate.get("components", 64)
        file = self.folder / f"fisher-{words}-{components}.vzag"
        if not file.is_file():
            sizes = ["--words", words, "--components", components]
            self.run("codebook", "aggregate", self.sample(), "--aggregate", "fisher", "--into", file, *sizes, *self.threads_option)
        return ["--aggregator", str(file)]

    def network(self, network: dict) -> None:
        """Adds the network that a recipe names to a registry of its own."""
        name = network.get("model")
        if name and name not in self.run("models", "list"):
            self.run("models", "add", self.data / "models" / f"{name}.onnx", "--id", name, "--preset", "keras")

    def measure(self, recipe: str, dataset: list[str]) -> dict:
        written = tomllib.loads(recipe)
        self.network(written.get("global", {}))
        file = self.folder / "recipe.toml"
        file.write_text(recipe)
        options = ["--recipe", str(file), *self.codebook(written.get("local", {})), *self.aggregator(written.get("global", {}))]
        report = json.loads(self.run("evaluate", *dataset, *options, *self.threads_option, "--json"))
        return {
            "map": report["metrics"]["map"],
            "recall@1": report["metrics"].get("precision@1", report["metrics"]["recall@1"]),
            "bytes": report["bytes_per_image"],
            "ms": report["timing"]["query_processor_ms"],
            "images_per_s": 1e3 / report["timing"]["index_processor_ms"],
        }


def methods() -> dict[str, str]:
    """Names and recipes: what is measured one by one, and the ready recipes of the repository."""
    rows = {"dog": ""}
    rows |= {name: f'local.detector = "{name}"' for name in DETECTORS}
    rows |= {f"dog_{name}": f'local.descriptor = "{name}"' for name in DESCRIPTORS}
    rows |= {"dog_words": "search.stages = []"}
    rows |= {name: f"search.stages = {stages}" for name, stages in STAGES.items()}
    rows |= {f"vlad_intra": 'local.enabled = false\nglobal.aggregate = "vlad_intra"'}
    rows |= {f"whole_{name}": f'local.enabled = false\nglobal.whole = "{whole}"' for name, whole in WHOLE.items()}
    ready = sorted((ROOT / "crates" / "retrieval" / "recipes").glob("*.toml"))
    return rows | {f"system_{path.stem}": path.read_text() for path in ready}


def table(rows: dict[str, dict]) -> str:
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    lines = []
    for title, figure, form in [
        ("mAP", "map", ".3f"),
        ("the first result is right, share of the queries", "recall@1", ".3f"),
        ("bytes an image", "bytes", ",.0f"),
        ("ms a query, processor time, mean", "ms", ".1f"),
        ("images/s indexed by one core", "images_per_s", ".1f"),
    ]:
        lines += [f"\n{title}:\n", f"| method | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
        for method, row in rows.items():
            cells = [format(row[name][figure], form) if figure in row.get(name, {}) else "–" for name in names]
            lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines).strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vizsla", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds smvs_dvd, museum, landmarks, …")
    parser.add_argument("--json", type=Path, help="file for the figures; what is in it is not measured again")
    parser.add_argument("--methods", help="names of recipes, separated by commas; left out, all")
    parser.add_argument("--sets", help="names of data sets, separated by commas; left out, all")
    parser.add_argument("--learned", type=Path, help="folder for what is learned; left out, a temporary one")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    known, there = methods(), sets(arguments.data)
    chosen = lambda given, all_, what: [
        name if name in all_ else sys.exit(f"there is no {what} `{name}`; there are {', '.join(all_)}")
        for name in (re.split(r"[ ,]+", given) if given else all_)
    ]
    wanted, names = chosen(arguments.methods, list(known), "method"), chosen(arguments.sets, list(there), "data set")
    rows: dict[str, dict] = {}
    if arguments.json and arguments.json.is_file():
        rows = json.loads(arguments.json.read_text())
    with tempfile.TemporaryDirectory() as folder:
        learned = arguments.learned or Path(folder)
        learned.mkdir(parents=True, exist_ok=True)
        vizsla = Vizsla(arguments.vizsla, arguments.data, learned, arguments.threads)
        for name in names:
            for method in wanted:
                row = rows.setdefault(method, {})
                if "ms" in row.get(name, {}):
                    continue
                try:
                    row[name] = vizsla.measure(known[method], there[name])
                    print(f"{method} on {name}: mAP {row[name]['map']:.3f}", file=sys.stderr, flush=True)
                except RuntimeError as error:
                    row[name] = {"error": str(error)}
                    print(f"{method} on {name}: {error}", file=sys.stderr, flush=True)
                if arguments.json:
                    arguments.json.write_text(json.dumps(rows, indent=1))
    print(table({method: rows[method] for method in wanted}))


if __name__ == "__main__":
    main()
