"""Reference values of networks and operators by PyTorch and torchvision, written to networks.json.

Weights and inputs are not stored: both sides make them by the same formula from their names, see `numbers`.
The poolings follow their papers: GeM (Radenovic, Tolias & Chum 2018), R-MAC (Tolias, Sicre & Jegou 2016, regions as in
crates/neural/tests/reference/pooling.py), NetVLAD (Arandjelovic et al. 2016).

    python networks.py
"""

import json
import pathlib
import zlib

import numpy as np
import torch
import torch.nn.functional as F
import torchvision

torch.set_num_threads(2)


def numbers(name, count, scale=1.0, shift=0.0):
    """`count` numbers within +-scale/2 around shift that belong to a name."""
    z = (np.arange(count, dtype=np.uint64) * 2654435761 + zlib.crc32(name.encode())) % 2**32
    z ^= z >> 16
    z = z * 0x45D9F3B % 2**32
    z ^= z >> 16
    unit = z.astype(np.float64) / 2**32 - 0.5
    return (unit * scale + shift).astype(np.float32)


def tensor(name, *shape, scale=1.0, shift=0.0):
    return torch.from_numpy(numbers(name, int(np.prod(shape)), scale, shift).reshape(shape))


def parameter(name, shape):
    """A parameter: statistics and scales around 1, weights by their fan."""
    if name.endswith("running_var"):
        return tensor(name, *shape, scale=0.5, shift=1.0)
    if len(shape) == 1:
        return tensor(name, *shape, scale=0.5, shift=1.0 if name.endswith(".weight") else 0.0)
    return tensor(name, *shape, scale=(12.0 / np.prod(shape[1:])) ** 0.5)


def fill(model):
    state = {
        name: parameter(name, tuple(value.shape)) if value.dtype == torch.float32 else value
        for name, value in model.state_dict().items()
    }
    model.load_state_dict(state)
    return model.eval()


def names(model, prefixes):
    """One number for all names and shapes of the parameters that begin so."""
    lines = [
        f"{name} {'x'.join(map(str, value.shape))}"
        for name, value in model.state_dict().items()
        if value.dtype == torch.float32 and name.startswith(prefixes)
    ]
    return zlib.crc32("\n".join(sorted(lines)).encode())


def resnet(depth, side):
    model = fill(getattr(torchvision.models, f"resnet{depth}")(weights=None))
    parts = [model.conv1, model.bn1, model.relu, model.maxpool, model.layer1, model.layer2, model.layer3, model.layer4]
    with torch.no_grad():
        out = torch.nn.Sequential(*parts)(tensor("image", 2, 3, side, side + 32, scale=2.0))
    return {"side": side, "shape": list(out.shape), "values": out.flatten()[::37].tolist()}


def vgg(side):
    model = fill(torchvision.models.vgg16(weights=None))
    with torch.no_grad():
        out = model.features[:30](tensor("image", 2, 3, side, side + 32, scale=2.0))
    return {"side": side, "shape": list(out.shape), "values": out.flatten()[::37].tolist()}


def unit(x, dim=1):
    return x / x.norm(dim=dim, keepdim=True).clamp(min=1e-12)


def starts(length, side, count):
    step = 0 if count == 1 else (length - side) / (count - 1)
    half = np.floor(side / 2 - 1)
    return [int(np.floor(half + i * step) - half) for i in range(count)]


def r_mac(x, levels):
    """Of a map wider than high."""
    h, w = x.shape[2:]
    more = min(range(1, 7), key=lambda m: abs((h - (w - h) / m) / h - 0.4))
    total = unit(x.amax((2, 3)))
    for level in range(1, levels + 1):
        side = 2 * h // (level + 1)
        for top in starts(h, side, level):
            for left in starts(w, side, level + more):
                total = total + unit(x[:, :, top : top + side, left : left + side].amax((2, 3)))
    return total


def netvlad(x, weight, bias, centres):
    local = unit(x.flatten(2))
    share = torch.softmax(torch.einsum("kc,ncp->nkp", weight, local) + bias[None, :, None], 1)
    residual = torch.einsum("nkp,ncp->nkc", share, local) - share.sum(2)[:, :, None] * centres
    return unit(residual, 2).flatten(1)


def case(function, x, *parameters):
    """Output, and the gradients of (output * fixed numbers).sum() with respect to everything that goes in."""
    leaves = [value.clone().requires_grad_() for value in (x, *parameters)]
    out = function(*leaves)
    (out * tensor("gradient", *out.shape)).sum().backward()
    gradients = [torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves]
    return {
        "shape": list(out.shape),
        "values": out.flatten().tolist(),
        "gradients": [gradient.flatten().tolist() for gradient in gradients],
    }


def same(x, weight, stride, groups):
    """Keras' padding: the odd row and column below and to the right."""
    pads = []
    for length, kernel in ((x.shape[3], weight.shape[3]), (x.shape[2], weight.shape[2])):
        total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
        pads += [total // 2, total - total // 2]
    return F.conv2d(F.pad(x, pads), weight, None, stride, 0, 1, groups)


def operators():
    image = tensor("x", 2, 4, 5, 7, scale=2.0)
    rows = tensor("x", 3, 6, scale=2.0)
    wide = tensor("x", 2, 3, 6, 8, scale=2.0, shift=0.7)
    norm = [parameter(f"bn.{part}", (4,)) for part in ("weight", "bias", "running_mean", "running_var")]
    return {
        "convolution": case(
            lambda x, w, b: F.conv2d(x, w, b, (2, 1), (1, 2), (1, 2)),
            image, parameter("c.weight", (3, 4, 3, 2)), parameter("c.bias", (3,)),
        ),
        "grouped": case(lambda x, w: F.conv2d(x, w, None, 1, 1, 1, 2), image, parameter("c.weight", (6, 2, 3, 3))),
        "depthwise_same": case(lambda x, w: same(x, w, 2, 4), image, parameter("c.weight", (4, 1, 3, 3))),
        "batch_norm": case(lambda x, w, b, m, v: F.batch_norm(x, m.detach(), v.detach(), w, b, False, 0.1, 1e-3), image, *norm),
        "relu": case(F.relu, image),
        "clip": case(lambda x: x.clamp(0.0, 0.5), image),
        "max_pool": case(lambda x: F.max_pool2d(x, 3, 2, 1), image),
        "average_pool": case(lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), image),
        "global_average": case(lambda x: x.mean((2, 3)), image),
        "global_max": case(lambda x: x.amax((2, 3)), image),
        "gem": case(
            lambda x, p: x.clamp(min=1e-6).pow(p).mean((2, 3)).pow(1 / p), wide, torch.tensor([2.5])
        ),
        "r_mac": case(lambda x: r_mac(x, 3), wide),
        "netvlad": case(
            netvlad, wide, parameter("n.assignment", (2, 3)), parameter("n.bias", (2,)), parameter("n.centres", (2, 3))
        ),
        "linear": case(F.linear, rows, parameter("l.weight", (5, 6)), parameter("l.bias", (5,))),
        "l2": case(unit, rows),
    }


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return [rounded(x) for x in value]
    if isinstance(value, dict):
        return {key: rounded(x) for key, x in value.items()}
    return value


stages = ("conv1", "bn1", "layer")
result = {
    "torchvision": torchvision.__version__,
    "names": {
        **{f"resnet{d}": names(getattr(torchvision.models, f"resnet{d}")(weights=None), stages) for d in (18, 50, 101)},
        "vgg16": names(torchvision.models.vgg16(weights=None), "features"),
    },
    "resnet18": resnet(18, 64),
    "resnet50": resnet(50, 32),
    "vgg16": vgg(32),
    "operators": operators(),
}
path = pathlib.Path(__file__).with_name("networks.json")
path.write_text(json.dumps(rounded(result), separators=(",", ":")) + "\n")
