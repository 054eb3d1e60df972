"""The table of docs/pooling.md by ONNX Runtime and NumPy: python mit_split.py MODEL.onnx DATA

Every test picture ranks the training pictures by cosine; relevant are those of its class. PCA is learned from
training pictures alone. Pooled vectors are scaled to length 1, raised to the power, scaled to length 1, projected.
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from PIL import Image

model = onnx.load(sys.argv[1])
model.graph.output.append(
    onnx.helper.make_tensor_value_info("conv_pw_13_relu", onnx.TensorProto.FLOAT, None))
session = onnxruntime.InferenceSession(model.SerializeToString())
names = sorted(pathlib.Path(sys.argv[2]).glob("t*/*/*.jpg"))
train = np.array([p.parts[-3] == "train" for p in names])
classes = np.array([p.parts[-2] for p in names])
pooled = {"spoc": [], "mac": [], "gem:3": []}
for name in names:
    x = np.asarray(Image.open(name).convert("RGB"), np.float32).transpose(2, 0, 1) / 127.5 - 1
    (m,) = session.run(["conv_pw_13_relu"], {"input": x[None]})
    m = m[0].reshape(m.shape[1], -1)
    pooled["spoc"].append(m.mean(1))
    pooled["mac"].append(m.max(1))
    pooled["gem:3"].append((np.maximum(m, 1e-6) ** 3).mean(1) ** (1 / 3))


def unit(v):
    return v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12)


def pca(v, keep):
    mean = v[train].mean(0)
    values, vectors = np.linalg.eigh(np.cov(v[train].T))
    return (v - mean) @ vectors[:, np.argsort(-values)[:keep]]


def mean_average_precision(v):
    v = unit(v)
    order = np.argsort(-(v[~train] @ v[train].T), axis=1, kind="stable")
    relevant = classes[train][order] == classes[~train][:, None]
    precision = np.cumsum(relevant, 1) / np.arange(1, relevant.shape[1] + 1)
    return ((precision * relevant).sum(1) / relevant.sum(1)).mean()


for name, vectors in pooled.items():
    v = unit(np.array(vectors))
    print(f"{name:6}  L2         –       {mean_average_precision(v):.4f}")
    print(f"{name:6}  L2         PCA 32  {mean_average_precision(pca(v, 32)):.4f}")
    print(f"{name:6}  power 0.5  PCA 32  {mean_average_precision(pca(unit(np.sqrt(v)), 32)):.4f}")
