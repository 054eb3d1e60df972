"""Odd and damaged files, decoded by ours and by the peers: who reads what, and who shows something else.

    run.py --vizsla-bin target/release/examples/decode_bench [--json OUT] [--share 0.1] [--keep FOLDER]

A format is a module with `sources()`, `KINDS`, `PEERS` and `large()`; a kind is one function in `KINDS`.
"""

import argparse
import collections
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
from PIL import Image

import jpeg
import others
import tiff

FORMATS = [("JPEG", jpeg), ("TIFF", tiff), ("PNG, WebP, GIF and BMP", others)]

# Above either of these, of 255, two decodes show something else.
MOST_THUMBNAIL = 3.0
MOST_PIXEL = 3.0


def thumbnail(pixels):
    small = Image.fromarray(pixels).resize((8, 8), Image.Resampling.BOX)
    return np.asarray(small, dtype=float)


def difference(ours, theirs):
    """Mean absolute difference of the 8 x 8 thumbnails, and of all pixels."""
    if ours.shape != theirs.shape:
        return 255.0, 255.0
    all_pixels = np.abs(ours.astype(int) - theirs).mean()
    return np.abs(thumbnail(ours) - thumbnail(theirs)).mean(), all_pixels


def differs(ours, theirs):
    small, whole = difference(ours, theirs)
    return small > MOST_THUMBNAIL or whole > MOST_PIXEL


class Ours:
    """The program under test: a path in, pixels or a refusal out."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self, path):
        self.process.stdin.write(f"{path}\n".encode())
        self.process.stdin.flush()
        line = json.loads(self.process.stdout.readline())
        if "width" not in line:
            return None, line.get("refused") or f"only one of grey and colour: {line['only_one']}"
        width, height = line["width"], line["height"]
        gray = np.frombuffer(self.process.stdout.read(width * height), np.uint8).reshape(height, width)
        rgb = np.frombuffer(self.process.stdout.read(3 * width * height), np.uint8).reshape(height, width, 3)
        return (gray, rgb), None


def theirs(decoder, data):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return decoder(data)
    except Exception:  # whatever it is, the peer does not read the file
        return None


def verdict(rgb, peer, original):
    if rgb is None and peer is None:
        return "both refuse"
    if peer is None:
        return "only we read"
    if rgb is None:
        recovered = original is not None and not differs(peer, original)
        return "refused though right" if recovered else "refused"
    if differs(rgb, peer):
        return "silent"
    return "identical" if np.array_equal(rgb, peer) else "equal"


def run_kind(module, kind, count, files, originals, ours, folder, keep):
    generator = random.Random(f"vizsla {kind.__name__}")
    table = {name: collections.Counter() for name, _ in module.PEERS}
    reasons = collections.Counter()
    for number, (data, source) in enumerate(kind(generator, files, count)):
        path = folder / f"{kind.__name__}-{number:04}.bin"
        path.write_bytes(data)
        found, reason = ours.read(path)
        if reason:
            reasons[reason] += 1
        rgb = found[1] if found else None
        for name, decoder in module.PEERS:
            said = verdict(rgb, theirs(decoder, data), originals.get(source))
            table[name][said] += 1
            if keep and said in ("silent", "refused though right"):
                path.rename(keep / f"{name}-{said.replace(' ', '-')}-{path.name}") if path.exists() else None
        path.unlink(missing_ok=True)
    return table, reasons


COLUMNS = ["identical", "equal", "silent", "refused though right", "refused", "both refuse", "only we read"]


def times(program, module, folder):
    """Milliseconds a megapixel: ours in grey and colour, Pillow's in colour."""
    rows = []
    for name, data in module.large():
        path = folder / "large.bin"
        path.write_bytes(data)
        out = subprocess.run([program, "--time", "7"], input=f"{path}\n", capture_output=True, text=True, check=True)
        ours = json.loads(out.stdout)
        least = float("inf")
        for _ in range(7):
            start = time.perf_counter()
            module.PEERS[0][1](data)
            least = min(least, time.perf_counter() - start)
        mega = ours["pixels"] / 1e6
        rows.append((name, mega, ours["gray_ms"] / mega, ours["rgb_ms"] / mega, 1e3 * least / mega))
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vizsla-bin", required=True)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--share", type=float, default=1.0, help="of the files of every kind")
    parser.add_argument("--keep", type=pathlib.Path, help="keep the files that differ in this folder")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    result, silent = {}, 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for label, module in FORMATS:
            ours = Ours(options.vizsla_bin)
            files = module.sources()
            originals = {name: theirs(module.PEERS[0][1], data) for name, data in files.items()}
            files = {name: data for name, data in files.items() if originals[name] is not None}
            rows, reasons = {}, collections.Counter()
            for kind, count in module.KINDS:
                count = max(1, round(count * options.share))
                rows[kind.__name__], why = run_kind(module, kind, count, files, originals, ours, folder, options.keep)
                reasons += why
            silent += report(label, module, rows, reasons)
            measured = times(options.vizsla_bin, module, folder)
            print(f"\n| {label}, ms a megapixel | megapixels | ours, grey | ours, colour | {module.PEERS[0][0]}, colour |")
            print("|---|---|---|---|---|")
            for name, mega, *values in measured:
                print(f"| {name} | {mega:.1f} | " + " | ".join(f"{value:.2f}" for value in values) + " |")
            result[label] = {"kinds": rows, "times": measured, "reasons": reasons}
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    sys.exit(1 if silent else 0)


def report(label, module, rows, reasons):
    silent = 0
    for peer, _ in module.PEERS:
        print(f"\n| {label} against {peer} | files | " + " | ".join(COLUMNS) + " |")
        print("|---" * (2 + len(COLUMNS)) + "|")
        total = collections.Counter()
        for kind, table in rows.items():
            counts = table[peer]
            total += counts
            print(f"| {kind.replace('_', ' ')} | {counts.total()} | " + " | ".join(str(counts[c]) for c in COLUMNS) + " |")
        print(f"| **all** | {total.total()} | " + " | ".join(f"{total[c]}" for c in COLUMNS) + " |")
        silent += total["silent"]
    print("\nreasons given:")
    for reason, count in reasons.most_common(25):
        print(f"  {count:5} {reason}")
    return silent


if __name__ == "__main__":
    main()
