"""Reference values of the whole-image descriptors, for tests/whole_reference.rs.

    python3 whole.py

Writes whole_*.json beside itself. Colour histograms, conversions, Canny's edges and Hu's moments are OpenCV's; LBP, HOG, co-occurrence
and Gabor kernels scikit-image's; hashes those of the package ImageHash; feature maps scikit-learn's; transport SciPy's; what no
library has is written out in NumPy in float64, straight from the papers.

The pictures are made from texture.pgm (see sift_reference.py): a grey one, and a coloured one of shifted copies with rectangles of
strong colours and a flat part. Both fit within 256 pixels, so nothing is resized.
"""

import json
from pathlib import Path

import cv2
import imagehash
import numpy as np
import scipy
import scipy.fft
import scipy.ndimage
import scipy.signal
import skimage
import sklearn
from PIL import Image
from scipy.optimize import linprog
from scipy.stats import wasserstein_distance
from skimage.feature import graycomatrix, graycoprops, hog, local_binary_pattern
from skimage.filters import gabor_kernel
from sklearn.kernel_approximation import AdditiveChi2Sampler

HERE = Path(__file__).parent


def pictures() -> dict[str, np.ndarray]:
    texture = cv2.imread(str(HERE / "texture.pgm"), cv2.IMREAD_GRAYSCALE)
    red, green = texture, np.roll(texture, (-40, -70), (0, 1))
    colour = np.dstack([red, green, 255 - np.roll(texture, (-90, -20), (0, 1))])
    colour[20:60, 30:90] //= 2
    colour[70:110, 100:150] = [200, 30, 40]
    colour[100:140, 10:60, 2] = 250
    colour[0:30, 160:200] = [20, 120, 60]
    grey = np.dstack([texture] * 3)
    return {"colour": colour, "grey": grey, "odd": np.ascontiguousarray(colour[10:115, 15:104]), "tall": np.ascontiguousarray(colour[:, 40:71])}


def parts(length: int, count: int) -> list[slice]:
    return [slice(i * length // count, (i + 1) * length // count) for i in range(count)]


def lab(scaled: np.ndarray) -> np.ndarray:
    scaled = scaled.astype(float)
    linear = np.where(scaled <= 0.04045, scaled / 12.92, ((scaled + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
    xyz = linear @ matrix.T / [0.950456, 1, 1.088754]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    lightness = np.where(xyz[..., 1] > 0.008856, 116 * f[..., 1] - 16, 903.3 * xyz[..., 1])
    return np.stack([lightness, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def histogram(image: np.ndarray, space: str, bins: list[int], joint: bool, columns: int = 1, rows: int = 1) -> np.ndarray:
    scaled = image.astype(np.float32) / 255
    code = {"rgb": None, "hsv": cv2.COLOR_RGB2HSV, "lab": cv2.COLOR_RGB2Lab}[space]
    planes = scaled.copy() if code is None else cv2.cvtColor(scaled, code)
    if space == "lab":
        # OpenCV interpolates in a table; the bins are those of the formulas, which it follows within a unit or so.
        exact = lab(scaled)
        assert np.abs(exact - planes).max() < 1.5, np.abs(exact - planes).max()
        planes = exact.astype(np.float32)
    ranges = {
        "rgb": [[0, 1]] * 3,
        "hsv": [[0, 360], [0, 1], [0, 1]],
        "lab": [[0, 100], [-87, 99], [-108, 95]],
    }[space]
    # Ratios of small integers fall on the borders of bins all the time. They belong to the upper bin, the largest value to the last;
    # OpenCV's rounding would leave them anywhere, and calcHist would leave out the largest.
    for channel, (low, high) in enumerate(ranges):
        planes[..., channel] = np.minimum(planes[..., channel] + 2e-6 * (high - low), high - 2e-6 * (high - low))
    out = []
    for y in parts(image.shape[0], rows):
        for x in parts(image.shape[1], columns):
            cell = np.ascontiguousarray(planes[y, x])
            pixels = cell.shape[0] * cell.shape[1]
            if joint:
                found = cv2.calcHist([cell], [0, 1, 2], None, bins, sum(ranges, [])).ravel() / pixels
            else:
                found = np.concatenate([cv2.calcHist([cell], [c], None, [bins[c]], ranges[c]).ravel() for c in range(3)]) / pixels / 3
            out.append(found / (rows * columns))
    return np.concatenate(out)


def colours(images: dict[str, np.ndarray]) -> list[dict]:
    cases = []
    for name, space, bins, joint, columns, rows in [
        ("hsv:8x4x4", "hsv", [8, 4, 4], True, 1, 1),
        ("hsv:8x4x4@2x2", "hsv", [8, 4, 4], True, 2, 2),
        ("hsv:16,8,8@3x1", "hsv", [16, 8, 8], False, 3, 1),
        ("lab:4x8x8", "lab", [4, 8, 8], True, 1, 1),
        ("lab:10,12,14", "lab", [10, 12, 14], False, 1, 1),
        ("rgb:4x4x4@1x2", "rgb", [4, 4, 4], True, 1, 2),
        ("rgb:32,32,32", "rgb", [32, 32, 32], False, 1, 1),
    ]:
        for image in ["colour", "odd"]:
            values = histogram(images[image], space, bins, joint, columns, rows)
            cases.append(case(name, image, values))
    return cases


def hashes(images: dict[str, np.ndarray]) -> list[dict]:
    cases = []
    for image, pixels in images.items():
        # OpenCV's luma, as ours; Pillow rounds it a little differently.
        grey = Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
        for side in [8, 16]:
            for name, function in [
                ("average_hash", imagehash.average_hash),
                ("difference_hash", imagehash.dhash),
                ("dct_hash", imagehash.phash),
                ("wavelet_hash", imagehash.whash),
            ]:
                cases.append(case(f"{name}:{side}", image, function(grey, hash_size=side).hash.ravel()))
    return cases


def grey_of(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def cell_histograms(labels: np.ndarray, bins: int, columns: int, rows: int) -> np.ndarray:
    cells = [labels[y, x] for y in parts(labels.shape[0], rows) for x in parts(labels.shape[1], columns)]
    return np.concatenate([np.bincount(cell.ravel().astype(int), minlength=bins) / cell.size / len(cells) for cell in cells])


def centre_symmetric(grey: np.ndarray, points: int, radius: int) -> np.ndarray:
    height, width = grey.shape
    y, x = np.mgrid[radius : height - radius, radius : width - radius].astype(float)
    around = []
    for p in range(points):
        down = round(-radius * np.sin(2 * np.pi * p / points), 5)
        right = round(radius * np.cos(2 * np.pi * p / points), 5)
        around.append(scipy.ndimage.map_coordinates(grey.astype(float), [y + down, x + right], order=1))
    half = points // 2
    return sum((around[p] - around[p + half] > 2.55).astype(int) << p for p in range(half))


def patterns(images: dict[str, np.ndarray]) -> list[dict]:
    cases = []
    for image in ["grey", "odd"]:
        grey = grey_of(images[image])
        for name, method, points, radius, columns, rows in [
            ("lbp", "nri_uniform", 8, 1, 1, 1),
            ("lbp", "nri_uniform", 8, 2, 2, 3),
            ("lbp", "nri_uniform", 12, 3, 1, 1),
            ("lbp_ri", "uniform", 8, 1, 1, 1),
            ("lbp_ri", "uniform", 16, 2, 3, 2),
            ("cs_lbp", None, 8, 2, 4, 4),
            ("cs_lbp", None, 6, 1, 1, 1),
        ]:
            if method is None:
                labels, bins = centre_symmetric(grey, points, radius), 2 ** (points // 2)
            else:
                # skimage takes what lies outside for black; only where nothing does are the patterns those of the image.
                labels = local_binary_pattern(grey, points, radius, method)[radius:-radius, radius:-radius]
                bins = points + 2 if method == "uniform" else points * (points - 1) + 3
            grid = "" if columns * rows == 1 else f"@{columns}x{rows}"
            cases.append(case(f"{name}:{points},{radius}{grid}", image, cell_histograms(labels, bins, columns, rows)))
    return cases


def gradients(images: dict[str, np.ndarray]) -> list[dict]:
    cases = []
    for image in ["grey", "odd"]:
        for cells, directions in [(8, 9), (4, 12)]:
            # Brought to the size by the test itself, as no two programs resize alike: the picture is cut here.
            grey = grey_of(images[image])[: 16 * 4, : 16 * 4] if cells == 4 else grey_of(images["colour"])[:128, :128]
            values = hog(grey, directions, (16, 16), (2, 2), "L2-Hys")
            cases.append(case(f"hog:{cells},{directions}", f"{image if cells == 4 else 'colour'} {16 * cells}", values))
    return cases


def pyramid(images: dict[str, np.ndarray]) -> list[dict]:
    cases = []
    for image in ["grey", "odd", "tall"]:
        grey = grey_of(images[image])
        dx = cv2.Sobel(grey, cv2.CV_16S, 1, 0, borderType=cv2.BORDER_REPLICATE).astype(int)
        dy = cv2.Sobel(grey, cv2.CV_16S, 0, 1, borderType=cv2.BORDER_REPLICATE).astype(int)
        magnitude = np.sort((abs(dx) + abs(dy)).ravel())
        high = magnitude[int(0.7 * magnitude.size)]
        edges = cv2.Canny(grey, int(0.4 * high), high) > 0
        for directions, levels in [(8, 3), (20, 1)]:
            turn = np.arctan2(dy, dx) % (2 * np.pi)
            bins = (turn / (2 * np.pi) * directions).astype(int) % directions
            out = []
            for level in range(levels + 1):
                for y in parts(grey.shape[0], 2**level):
                    for x in parts(grey.shape[1], 2**level):
                        weights = np.where(edges[y, x], np.hypot(dx[y, x], dy[y, x]), 0)
                        out.append(np.bincount(bins[y, x].ravel(), weights.ravel(), directions))
            out = np.concatenate(out)
            cases.append(case(f"phog:{directions},{levels}", image, out / out.sum()))
    return cases


def moments(images: dict[str, np.ndarray]) -> list[dict]:
    cases = []
    for image in ["colour", "odd"]:
        scaled = images[image].astype(np.float32) / 255
        exact = lab(scaled)
        spaces = {
            "rgb": scaled,
            "hsv": cv2.cvtColor(scaled, cv2.COLOR_RGB2HSV) / [360, 1, 1],
            "lab": (exact - [0, -87, -108]) / [100, 186, 203],
        }
        for space, columns, rows in [("hsv", 1, 1), ("rgb", 1, 1), ("lab", 3, 2)]:
            out = []
            for y in parts(scaled.shape[0], rows):
                for x in parts(scaled.shape[1], columns):
                    values = spaces[space][y, x].reshape(-1, 3).astype(float)
                    off = values - values.mean(0)
                    out.append(np.stack([values.mean(0), np.sqrt((off**2).mean(0)), np.cbrt((off**3).mean(0))], 1).ravel())
            grid = "" if columns * rows == 1 else f"@{columns}x{rows}"
            cases.append(case(f"moments:{space}{grid}", image, np.concatenate(out)))
    return cases


def layout(images: dict[str, np.ndarray]) -> list[dict]:
    cases = []
    for image in ["colour", "odd", "tall"]:
        means = np.array([[images[image][y, x].reshape(-1, 3).mean(0) for x in parts(images[image].shape[1], 8)] for y in parts(images[image].shape[0], 8)])
        red, green, blue = means[..., 0], means[..., 1], means[..., 2]
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        planes = [luma, (blue - luma) / 1.772, (red - luma) / 1.402]
        # The order of JPEG, written out.
        zigzag = [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35,
                  42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63]
        for y, c in [(6, 3), (64, 28)]:
            found = [scipy.fft.dctn(plane, norm="ortho").ravel()[zigzag] for plane in planes]
            cases.append(case(f"layout:{y},{c}", image, np.concatenate([found[0][:y], found[1][:c], found[2][:c]])))
    return cases


def correlogram(images: dict[str, np.ndarray]) -> list[dict]:
    cases = []
    for image in ["colour", "tall"]:
        levels = images[image].astype(int) // 64
        colours = levels[..., 0] * 16 + levels[..., 1] * 4 + levels[..., 2]
        height, width = colours.shape
        counts = np.bincount(colours.ravel(), minlength=64)
        for distances in [[1, 3, 5, 7], [2, 16]]:
            out = []
            for d in distances:
                around = np.full((height + 2 * d, width + 2 * d), -1)
                around[d : d + height, d : d + width] = colours
                same = np.zeros_like(colours)
                for dy in range(-d, d + 1):
                    for dx in range(-d, d + 1):
                        if max(abs(dy), abs(dx)) == d:
                            same += around[d + dy : d + dy + height, d + dx : d + dx + width] == colours
                out.append(np.bincount(colours.ravel(), same.ravel(), 64) / np.maximum(counts * 8 * d, 1))
            cases.append(case("correlogram:" + ",".join(map(str, distances)), image, np.concatenate(out)))
    return cases


def edges(images: dict[str, np.ndarray]) -> list[dict]:
    cases = []
    root = np.sqrt(2)
    filters = np.array([[1, -1, 1, -1], [1, 1, -1, -1], [root, 0, 0, -root], [0, root, -root, 0], [2, -2, -2, 2]])
    for image in ["grey", "odd", "tall"]:
        grey = grey_of(images[image]).astype(float)
        block = max(2, int(np.sqrt(grey.size / 1100)) // 2 * 2)
        local = []
        for y in parts(grey.shape[0], 4):
            for x in parts(grey.shape[1], 4):
                cell = grey[y, x]
                rows, columns = cell.shape[0] // block, cell.shape[1] // block
                half = block // 2
                quarters = cell[: rows * block, : columns * block].reshape(rows, 2, half, columns, 2, half).mean((2, 5))
                strengths = np.abs(quarters.transpose(0, 2, 1, 3).reshape(-1, 4) @ filters.T)
                kinds = strengths.argmax(1)[strengths.max(1) > 11]
                local.append(np.bincount(kinds, minlength=5) / (rows * columns))
        local = np.array(local)
        square = local.reshape(4, 4, 5)
        groups = [local.mean(0)] + [square[:, x].mean(0) for x in range(4)] + [square[y].mean(0) for y in range(4)]
        groups += [square[y : y + 2, x : x + 2].mean((0, 1)) for y, x in [(0, 0), (0, 2), (2, 0), (2, 2), (1, 1)]]
        cases.append(case("edges", image, np.concatenate([local.ravel(), *groups])))
    return cases


def cooccurrence(images: dict[str, np.ndarray]) -> list[dict]:
    cases = []
    for image in ["grey", "odd"]:
        for levels, distance in [(16, 1), (8, 1), (32, 4)]:
            quantised = (grey_of(images[image]).astype(int) * levels // 256).astype(np.uint8)
            out = []
            for angle in range(4):
                # Distances of the chessboard: skimage rounds 4 * sin(45 degrees) to 3.
                reach = distance * (np.sqrt(2) if angle % 2 else 1)
                matrix = graycomatrix(quantised, [reach], [angle * np.pi / 4], levels, symmetric=True, normed=True)
                out += [graycoprops(matrix, name)[0, 0] for name in ["contrast", "homogeneity", "energy", "correlation", "entropy"]]
            cases.append(case(f"cooccurrence:{levels},{distance}", image, out))
    return cases


def gabor(images: dict[str, np.ndarray]) -> list[dict]:
    cases = []
    for name, cut in [("grey 96", images["grey"][:96, :96]), ("colour 64", images["colour"][:64, :64])]:
        grey = grey_of(cut).astype(float)
        around = np.pad(grey - grey.mean(), 64, "symmetric")
        for scales, directions in [(4, 6), (3, 4)]:
            out = []
            ratio = (0.4 / 0.05) ** (1 / (scales - 1))
            two = 2 * np.log(2)
            along = (ratio - 1) * 0.4 / ((ratio + 1) * np.sqrt(two))
            across = np.tan(np.pi / (2 * directions)) * (0.4 - two * along**2 / 0.4) / np.sqrt(two - (two * along / 0.4) ** 2)
            for scale in range(scales):
                shrink = ratio**-scale
                for direction in range(directions):
                    kernel = gabor_kernel(
                        0.4 * shrink,
                        direction * np.pi / directions,
                        sigma_x=1 / (2 * np.pi * along * shrink),
                        sigma_y=1 / (2 * np.pi * across * shrink),
                        n_stds=4,
                    )
                    strength = np.abs(scipy.signal.fftconvolve(around, kernel, "same"))[64:-64, 64:-64]
                    out += [strength.mean(), strength.std()]
            cases.append(case(f"gabor:{scales}x{directions}", name, out))
    return cases


def tamura(images: dict[str, np.ndarray]) -> list[dict]:
    cases = []
    for image in ["grey", "odd", "tall"]:
        grey = grey_of(images[image]).astype(float)
        height, width = grey.shape

        def mean(x, y, size):
            window = grey[max(y, 0) : max(y + size, 0), max(x, 0) : max(x + size, 0)]
            return window.mean() if window.size else None

        def apart(a, b):
            return 0 if a is None or b is None else abs(a - b)

        best = []
        for y in range(0, height, 2):
            for x in range(0, width, 2):
                found = []
                for size in [1, 2, 4, 8, 16, 32]:
                    half = size // 2
                    found.append(max(apart(mean(x - size, y - half, size), mean(x, y - half, size)),
                                     apart(mean(x - half, y - size, size), mean(x - half, y, size))))
                best.append(2 ** int(np.argmax(np.round(found, 9))))
        kurtosis = ((grey - grey.mean()) ** 4).mean() / grey.var() ** 2
        across = cv2.filter2D(grey, -1, np.array([[-1.0, 0, 1]] * 3))[1:-1, 1:-1]
        down = cv2.filter2D(grey, -1, np.array([[-1.0, 0, 1]] * 3).T)[1:-1, 1:-1]
        strong = (abs(across) + abs(down)) // 2 >= 12
        bins = ((np.arctan2(down, across)[strong] / np.pi % 1) * 16).astype(int) % 16
        shares = np.bincount(bins, minlength=16) / strong.sum()
        off = np.abs(np.arange(16) - shares.argmax())
        off = np.minimum(off, 16 - off) ** 2
        directionality = max(0, 1 - (shares * off).sum() / off.mean())
        cases.append(case("tamura", image, [np.mean(best), grey.std() / kurtosis**0.25, directionality]))
    return cases


def hu(images: dict[str, np.ndarray]) -> list[dict]:
    cases = []
    for image in ["grey", "odd", "tall"]:
        found = cv2.HuMoments(cv2.moments(grey_of(images[image]).astype(np.float64) / 255)).ravel()
        cases.append(case("hu", image, np.sign(found) * np.maximum(0, 12 + np.log10(np.abs(found)))))
    return cases


def chi_squared_map() -> list[dict]:
    rng = np.random.default_rng(3)
    cases = []
    for size in [4, 9]:
        values = rng.dirichlet(np.full(size, 0.4), 2)
        values[0, 1] = 0
        values /= values.sum(1, keepdims=True)
        mapped = AdditiveChi2Sampler(sample_steps=2, sample_interval=0.73).fit_transform(values)
        # Theirs: all roots, then all cosines, then all sines. Ours: the three of each value together.
        mapped = mapped.reshape(2, 3, size).transpose(0, 2, 1).reshape(2, -1)
        mapped /= np.linalg.norm(mapped, axis=1, keepdims=True)
        cases.append({"values": rounded(values), "mapped": rounded(mapped)})
    return cases


def transport() -> list[dict]:
    rng = np.random.default_rng(7)
    cases = []
    for m, n in [(1, 1), (2, 3), (5, 5), (8, 3), (20, 20), (64, 64), (17, 64)]:
        a, b = rng.dirichlet(np.full(m, 0.5)), rng.dirichlet(np.full(n, 0.5))
        p, q = rng.uniform(0, 1, (m, 3)), rng.uniform(0, 1, (n, 3))
        cost = np.linalg.norm(p[:, None] - q[None], axis=2)
        equal = np.vstack([np.kron(np.eye(m), np.ones(n)), np.kron(np.ones(m), np.eye(n))])
        found = linprog(cost.ravel(), A_eq=equal, b_eq=np.concatenate([a, b]), method="highs")
        assert found.status == 0
        cases.append({"a": rounded(a, 9), "b": rounded(b, 9), "p": rounded(p, 6), "q": rounded(q, 6), "work": float(found.fun)})
    return cases


def lines() -> list[dict]:
    rng = np.random.default_rng(8)
    cases = []
    for size in [1, 5, 32]:
        a, b = rng.dirichlet(np.full(size, 0.5), 2)
        work = wasserstein_distance(range(size), range(size), a, b) if size > 1 else 0.0
        cases.append({"a": rounded(a, 9), "b": rounded(b, 9), "work": work})
    return cases


def rounded(values, digits: int = 8):
    return json.loads(json.dumps(np.asarray(values, float).tolist()), parse_float=lambda text: float(f"{float(text):.{digits}g}"))


def case(whole: str, image: str, values) -> dict:
    # Most values of histograms are zero: kept as pairs of place and value.
    values = np.asarray(values, float)
    places = np.flatnonzero(values)
    return {"whole": whole, "image": image, "length": len(values), "at": places.tolist(), "values": rounded(values[places], 7)}


def write(name: str, content) -> None:
    versions = {m.__name__: m.__version__ for m in [cv2, imagehash, np, scipy, skimage, sklearn]}
    (HERE / f"whole_{name}.json").write_text(json.dumps({"versions": versions, "cases": content}))


def main() -> None:
    images = pictures()
    write("colours", colours(images))
    write("hashes", hashes(images))
    write("patterns", patterns(images))
    for make in [gradients, pyramid, moments, layout, correlogram, edges, cooccurrence, gabor, tamura, hu]:
        write(make.__name__, make(images))
    write("chi_squared_map", chi_squared_map())
    write("transport", transport())
    write("lines", lines())


if __name__ == "__main__":
    main()
