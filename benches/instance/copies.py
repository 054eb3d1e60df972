"""Copies of photographs of Flickr8k as people make them, and what only looks like a copy.

    python copies.py --data DIR --into FOLDER [--originals 120]

FOLDER gets `gallery` and `queries` with `truth.json` for `vizsla evaluate files`, and `pairs.json` for `vizsla duplicates` on both folders
together. From each original, which is in the gallery, come: a crop, the picture in a border, on a screen of a program, with a caption on it and
one below it, made small and compressed, turned over (mirrored), in a collage of four. What shares much and is another thing: pictures with a caption
above and below of which the gallery has the one and the queries the other text (memes), and letters on one letterhead. Everything follows from
one seed.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import zlib
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

WORDS = (
    "when you wait all summer for the train and it leaves without one of us nobody told me that this would be so hard to explain "
    "monday again still better than the old office coffee first then we talk about plans my cat knows more than the manager does"
).split()
LETTER = (
    "we refer to your order of last week and are pleased to confirm the delivery date which you find below together with the conditions "
    "of payment please return the enclosed form signed by the end of the month should questions arise our office is open every day from "
    "eight to five the invoice number must be given with each payment yours sincerely on behalf of the board the accounts department"
).split()


def text(rng: random.Random, words: list[str], count: int) -> str:
    return " ".join(rng.choice(words) for _ in range(count))


def font(size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(max(9, int(size)))


def on_picture(picture: Image.Image, words: str, top: bool) -> None:
    """White letters with black edges, as memes have them."""
    draw, face = ImageDraw.Draw(picture), font(picture.height / 9)
    lines, line = [], ""
    for word in words.upper().split():
        if draw.textlength(f"{line} {word}", font=face) > picture.width * 0.94 and line:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    lines.append(line)
    height = face.size * 1.1
    y = 4 if top else picture.height - height * len(lines) - 4
    for line in lines:
        x = (picture.width - draw.textlength(line, font=face)) / 2
        draw.text((x, y), line, font=face, fill="white", stroke_width=2, stroke_fill="black")
        y += height


def crop(picture: Image.Image, rng: random.Random) -> Image.Image:
    share = rng.uniform(0.55, 0.85) ** 0.5
    width, height = int(picture.width * share), int(picture.height * share)
    x, y = rng.randint(0, picture.width - width), rng.randint(0, picture.height - height)
    return picture.crop((x, y, x + width, y + height)).resize((int(width * 1.3), int(height * 1.3)), Image.Resampling.BICUBIC)


def border(picture: Image.Image, rng: random.Random) -> Image.Image:
    colour = tuple(rng.randint(0, 255) for _ in range(3))
    return ImageOps.expand(picture, int(picture.width * rng.uniform(0.05, 0.2)), colour)


def screenshot(picture: Image.Image, rng: random.Random) -> Image.Image:
    """The picture in the window of a program, the same window for all."""
    scale = rng.uniform(1.0, 1.4)
    shown = picture.resize((int(picture.width * scale), int(picture.height * scale)), Image.Resampling.BICUBIC)
    window = Image.new("RGB", (shown.width + 120, shown.height + 110), (242, 242, 245))
    draw = ImageDraw.Draw(window)
    draw.rectangle((0, 0, window.width, 34), fill=(52, 58, 70))
    for at, colour in enumerate([(235, 90, 80), (240, 190, 60), (90, 200, 90)]):
        draw.ellipse((12 + 22 * at, 11, 24 + 22 * at, 23), fill=colour)
    draw.text((100, 8), "Photo viewer – Library", font=font(15), fill="white")
    for at, label in enumerate(["Albums", "People", "Places", "Shared", "Trash"]):
        draw.text((12, 60 + 30 * at), label, font=font(14), fill=(70, 70, 80))
    draw.text((110, window.height - 42), "♥ Like    ↩ Reply    ⋯ More", font=font(15), fill=(90, 90, 100))
    window.paste(shown, (100, 52))
    return window


def captioned(picture: Image.Image, rng: random.Random) -> Image.Image:
    shown = picture.copy()
    on_picture(shown, text(rng, WORDS, rng.randint(2, 4)), top=False)
    return shown


def band(picture: Image.Image, rng: random.Random) -> Image.Image:
    shown = Image.new("RGB", (picture.width, picture.height + 56), "white")
    shown.paste(picture, (0, 56))
    ImageDraw.Draw(shown).multiline_text((8, 6), text(rng, WORDS, 4) + "\n" + text(rng, WORDS, 4), font=font(17), fill="black")
    return shown


def small(picture: Image.Image, rng: random.Random) -> Image.Image:
    return picture.resize((int(picture.width * 0.6), int(picture.height * 0.6)), Image.Resampling.LANCZOS)


def mirrored(picture: Image.Image, rng: random.Random) -> Image.Image:
    return ImageOps.mirror(picture)


def collage(picture: Image.Image, others: list[Image.Image]) -> Image.Image:
    side = picture.width
    sheet = Image.new("RGB", (2 * side + 6, 2 * side + 6), "white")
    for at, one in enumerate([picture, *others]):
        sheet.paste(one.resize((side, side)), ((at % 2) * (side + 6), (at // 2) * (side + 6)))
    return sheet


def meme(picture: Image.Image, rng: random.Random) -> Image.Image:
    shown = picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.BICUBIC)
    on_picture(shown, text(rng, WORDS, rng.randint(3, 6)), top=True)
    on_picture(shown, text(rng, WORDS, rng.randint(3, 6)), top=False)
    return shown


def letter(head: int, rng: random.Random) -> Image.Image:
    """A page on one of some letterheads, with other text each time."""
    same = random.Random(head)
    page = Image.new("RGB", (560, 790), "white")
    draw = ImageDraw.Draw(page)
    colour = tuple(same.randint(0, 160) for _ in range(3))
    draw.ellipse((40, 30, 100, 90), fill=colour)
    draw.polygon([(70, 36), (92, 80), (48, 80)], fill="white")
    draw.text((120, 36), text(same, LETTER, 2).title() + " Ltd", font=font(26), fill=colour)
    draw.text((120, 70), text(same, LETTER, 5), font=font(12), fill=(90, 90, 90))
    draw.line((40, 105, 520, 105), fill=colour, width=2)
    draw.text((40, 745), text(same, LETTER, 9), font=font(11), fill=(90, 90, 90))
    y = 150
    for _ in range(rng.randint(3, 5)):
        for _ in range(rng.randint(3, 6)):
            draw.text((50, y), text(rng, LETTER, 9)[:68], font=font(14), fill="black")
            y += 21
        y += 14
    return page


KINDS = {
    "crop": crop, "border": border, "screenshot": screenshot, "caption": captioned, "band": band, "small": small, "mirrored": mirrored,
}
QUALITY = {"small": 45, "crop": 75, "screenshot": 90}
# Kinds that show at least half of the original and are themselves at least half of it.
HALF = {"original", *KINDS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--originals", type=int, default=120)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.into, ignore_errors=True)
    gallery, queries = arguments.into / "gallery", arguments.into / "queries"
    gallery.mkdir(parents=True)
    queries.mkdir()
    pictures = sorted((arguments.data / "flickr8k" / "images").glob("*.jpg"))
    random.Random(7).shuffle(pictures)
    originals = pictures[: arguments.originals]
    memes = pictures[arguments.originals : arguments.originals + 40]
    # Three for each collage, so that no two collages share any, and a hundred that nothing is made of.
    others = pictures[arguments.originals + 40 :][: 3 * arguments.originals + 100]
    truth: dict[str, list[str]] = {}
    bases: dict[str, list[str]] = {}

    def ask(name: str, picture: Image.Image, right: list[str], base: str, kind: str) -> None:
        picture.save(queries / name, quality=QUALITY.get(kind, 85))
        truth[name] = right
        bases[f"queries/{name}"] = [base, kind]

    for at, path in enumerate(originals):
        original, name = Image.open(path).convert("RGB"), f"{at:03}.jpg"
        shutil.copyfile(path, gallery / name)
        bases[f"gallery/{name}"] = [name, "original"]
        for kind, make in KINDS.items():
            rng = random.Random(zlib.crc32(f"{at} {kind}".encode()))
            ask(f"{at:03}_{kind}.jpg", make(original, rng), [name], name, kind)
        beside = [Image.open(other).convert("RGB") for other in others[3 * at :][:3]]
        ask(f"{at:03}_collage.jpg", collage(original, beside), [name], name, "collage")
    for at, path in enumerate(memes):
        picture, name = Image.open(path).convert("RGB"), f"meme_{at:03}.jpg"
        meme(picture, random.Random(2 * at)).save(gallery / name, quality=85)
        bases[f"gallery/{name}"] = [name, "original"]
        ask(f"meme_{at:03}_other.jpg", meme(picture, random.Random(2 * at + 1)), [], f"meme_{at:03}_other", "meme")
    for at in range(40):
        name = f"letter_{at:03}.jpg"
        letter(at % 4, random.Random(1000 + at)).save(gallery / name, quality=85)
        bases[f"gallery/{name}"] = [name, "original"]
        ask(f"letter_{at:03}_other.jpg", letter(at % 4, random.Random(2000 + at)), [], f"letter_{at:03}_other", "letter")
    for at, path in enumerate(others[3 * len(originals) :]):
        name = f"other_{at:03}.jpg"
        shutil.copyfile(path, gallery / name)
        bases[f"gallery/{name}"] = [name, "original"]
    (arguments.into / "truth.json").write_text(json.dumps(truth, indent=1))
    pairs = {"wanted": [], "ignored": []}
    names = sorted(bases)
    for at, a in enumerate(names):
        for b in names[at + 1 :]:
            if bases[a][0] == bases[b][0]:
                both = {bases[a][1], bases[b][1]} <= HALF
                # Two crops of one original may share little; an original is there whole.
                sure = both and "original" in (bases[a][1], bases[b][1])
                pairs["wanted" if sure else "ignored"].append([a, b])
    (arguments.into / "pairs.json").write_text(json.dumps(pairs, indent=1))


if __name__ == "__main__":
    main()
