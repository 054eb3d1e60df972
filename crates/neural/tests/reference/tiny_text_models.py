"""Tiny models for tests of texts.

    pip install torch onnx onnxruntime transformers
    python tiny_text_models.py

`tiny_bert.onnx` is a BERT of one layer with random weights; `tiny_text_models.json` holds what it gives for a
few texts. `tiny_clip_image.onnx` and `tiny_clip_text.onnx` share a space as the halves of CLIP do, and know
one thing: colours. The image half turns the mean colour into three opponent values and a brightness, through a
feature map with a cell for each pixel; the text half adds up the same four values of the colours that are
named. Both tokenizers are `tiny_vocab.txt`.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from transformers import BertConfig, BertModel, BertTokenizer

from export_minilm import Encoder

HERE = Path(__file__).parent
COLOURS = {
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
    "yellow": (1, 1, 0),
    "cyan": (0, 1, 1),
    "magenta": (1, 0, 1),
    "white": (1, 1, 1),
    "black": (0, 0, 0),
}
WORDS = "a the photo picture of and on dog cat car umbrella field sky wall run ##s ##ning , .".split()
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *COLOURS, *WORDS]
TEXTS = [
    "a dog",
    "The dogs running, on the red field.",
    "",
    "a zebra",
    "cat cat cat cat cat cat cat cat cat",
    "Blue sky and a white wall",
]
# Opponent colours and brightness of red, green, blue in 0..1.
MATRIX = np.array([[2, -1, -1], [-1, 2, -1], [-1, -1, 2], [1, 1, 1]], np.float32) / 3
BIAS = np.array([0, 0, 0, -0.5], np.float32)


def bert():
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=12,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
        initializer_range=0.5,
    )
    config._attn_implementation = "eager"
    encoder = Encoder(BertModel(config, add_pooling_layer=False)).eval()
    ids = torch.ones(2, 5, dtype=torch.int64)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {0: "batch", 1: "sequence"}
    with torch.no_grad():
        torch.onnx.export(
            encoder,
            (ids, torch.ones_like(ids), torch.zeros_like(ids)),
            str(HERE / "tiny_bert.onnx"),
            input_names=names,
            output_names=["last_hidden_state"],
            dynamic_axes={name: axes for name in names + ["last_hidden_state"]},
            opset_version=17,
            dynamo=False,
        )
        tokenizer = BertTokenizer(vocab=str(HERE / "tiny_vocab.txt"))
        expected = []
        for text in TEXTS:
            ids = torch.tensor([tokenizer(text)["input_ids"]])
            hidden = encoder(ids, torch.ones_like(ids), torch.zeros_like(ids))[0]
            row = {"text": text, "tokens": ids.shape[1] - 2, "unknown": int((ids == 1).sum())}
            for name, vector in ("cls", hidden[0]), ("mean", hidden.mean(0)), ("last", hidden[-1]):
                row[name] = [round(x, 6) for x in (vector / vector.norm()).tolist()]
            expected.append(row)
    text = json.dumps(expected, separators=(",", ":")).replace("},", "},\n")
    (HERE / "tiny_text_models.json").write_text(text + "\n")


def save(name, nodes, inputs, outputs, weights):
    weights = [numpy_helper.from_array(value, key) for key, value in weights.items()]
    graph = helper.make_graph(nodes, name, inputs, outputs, weights)
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8, producer_name="tiny_text_models.py")
    onnx.checker.check_model(model)
    onnx.save(model, str(HERE / f"{name}.onnx"))


def clip_image():
    save(
        "tiny_clip_image",
        [
            helper.make_node("Conv", ["pixel_values", "matrix", "bias"], ["features"]),
            helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["image_embeds"]),
        ],
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, "height", "width"])],
        [helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, ["batch", 4])],
        {"matrix": MATRIX.reshape(4, 3, 1, 1), "bias": BIAS},
    )


def clip_text():
    table = np.zeros((len(VOCABULARY), 4), np.float32)
    for colour, value in COLOURS.items():
        table[VOCABULARY.index(colour)] = MATRIX @ np.array(value, np.float32) + BIAS
    sequence = ["batch", "sequence"]
    save(
        "tiny_clip_text",
        [
            helper.make_node("Gather", ["table", "input_ids"], ["vectors"]),
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["mask_of_tokens"]),
            helper.make_node("Mul", ["vectors", "mask_of_tokens"], ["masked"]),
            helper.make_node("ReduceSum", ["masked", "tokens"], ["text_embeds"], keepdims=0),
        ],
        [helper.make_tensor_value_info(name, TensorProto.INT64, sequence) for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("text_embeds", TensorProto.FLOAT, ["batch", 4])],
        {"table": table, "last": np.array([2]), "tokens": np.array([1])},
    )
    session = onnxruntime.InferenceSession(str(HERE / "tiny_clip_text.onnx"))
    ids = np.array([[2, VOCABULARY.index("red"), 3]])
    print(session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)}))


if __name__ == "__main__":
    (HERE / "tiny_vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    bert()
    clip_image()
    clip_text()
