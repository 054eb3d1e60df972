"""Real descriptors: SIFT of photographs, and places of a network's last map, with queries of other photographs and the exact nearest.

    sets("sift" | "mobilenet", data, count, asked, folder) -> points, queries, truth

Photographs are those of `flickr8k` and `mit_split`; every 40th gives queries alone. What is made once is kept in `folder`.
"""
import os
from pathlib import Path

import cv2
import faiss
import numpy as np

ENDINGS = (".jpg", ".jpeg", ".png")
NEAREST = 100
# Of one photograph at most; many photographs rather than many descriptors of one.
EACH = {"sift": 150, "mobilenet": 120}


def photographs(data):
    found = [path for name in ("flickr8k", "mit_split") for path in sorted((Path(data) / name).rglob("*")) if path.suffix.lower() in ENDINGS]
    order = np.random.default_rng(1).permutation(len(found))
    return [found[i] for i in order]


def sift(path, detector=cv2.SIFT_create(nfeatures=EACH["sift"])):
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    rows = None if image is None else detector.detectAndCompute(image, None)[1]
    return np.zeros((0, 128), np.float32) if rows is None else rows


class MobileNet:
    """Means of random windows of the map before the pooling, square root, length 1 (SPoC of regions and crops)."""

    def __init__(self, data):
        import onnx
        import onnxruntime

        model = onnx.load(str(Path(data) / "models" / "mobilenet_v1_0.75.onnx"))
        pooling = next(node for node in reversed(model.graph.node) if "Pool" in node.op_type or node.op_type == "ReduceMean")
        model.graph.output.append(onnx.helper.make_tensor_value_info(pooling.input[0], onnx.TensorProto.FLOAT, None))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        self.input, self.output = self.session.get_inputs()[0], pooling.input[0]
        self.first = self.input.shape[1] == 3
        self.random = np.random.default_rng(2)

    def __call__(self, path):
        image = cv2.imread(str(path))
        if image is None:
            return np.zeros((0, 768), np.float32)
        image = cv2.cvtColor(cv2.resize(image, (self.input.shape[3 if self.first else 2],) * 2 if isinstance(self.input.shape[2], int) else (224, 224)), cv2.COLOR_BGR2RGB)
        image = image.astype(np.float32) / 127.5 - 1
        image = image.transpose(2, 0, 1)[None] if self.first else image[None]
        maps = self.session.run([self.output], {self.input.name: image})[0][0]
        maps = maps if maps.shape[0] == 768 else maps.transpose(2, 0, 1)
        _, height, width = maps.shape
        rows = []
        for _ in range(EACH["mobilenet"]):
            h, w = self.random.integers(1, height + 1), self.random.integers(1, width + 1)
            y, x = self.random.integers(0, height - h + 1), self.random.integers(0, width - w + 1)
            row = np.sqrt(np.maximum(maps[:, y : y + h, x : x + w].mean((1, 2)), 0))
            rows.append(row / max(np.linalg.norm(row), 1e-9))
        return np.unique(np.array(rows, np.float32), axis=0)


def gathered(describe, files, count):
    rows, total = [], 0
    for path in files:
        if total >= count:
            break
        rows.append(describe(path))
        total += len(rows[-1])
    rows = np.concatenate(rows)
    return np.ascontiguousarray(rows[np.random.default_rng(3).permutation(len(rows))[:count]], np.float32)


def truth(points, queries, metric):
    make = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
    return faiss.knn(queries, points, NEAREST, metric=make)[1]


def sets(name, data, count, asked, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{name}-{count}-{asked}-{part}.npy" for part in ("points", "queries", "truth")]
    if not all(file.is_file() for file in files):
        describe = sift if name == "sift" else MobileNet(data)
        paths = photographs(data)
        points = gathered(describe, [p for i, p in enumerate(paths) if i % 40], count)
        queries = gathered(describe, paths[::40], asked)
        faiss.omp_set_num_threads(os.cpu_count())
        for file, array in zip(files, (points, queries, truth(points, queries, "l2"))):
            np.save(file, array)
    return [np.load(file) for file in files]
