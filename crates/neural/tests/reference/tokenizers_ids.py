"""Numbers of tokens as `transformers` gives them.

    pip install transformers
    python tokenizers_ids.py ../../../../../shared/data

Writes `tokenizers_ids.json`: for BERT's lower-case vocabulary and for CLIP's byte pairs the numbers of strings
made to break tokenizers, and, for 240 captions of Flickr8k, the line in the file and the numbers. Writes
`tiny_unigram.json` too, a Unigram tokenizer trained on sentences of this script, with its own numbers.
"""

import gzip
import json
import sys
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import BertTokenizer, CLIPTokenizer, PreTrainedTokenizerFast

HERE = Path(__file__).parent
NASTY = [
    "",
    " ",
    "A dog's RUN-up, isn't it?",
    "I'll we've he'd they're I'm don't ROCK'N'ROLL",
    "Ünïcödé naïve café façade Ångström",
    "e\u0301te\u0301 cafe\u0301",
    "猫が走る 写真 北京",
    "Собака бежит",
    "🐎 horse 👩‍👩‍👧 family 🇭🇺",
    "tabs\tand\nnew\r\nlines   and   blanks",
    "zero\u200bwidth non\u00a0breaking soft\u00adhyphen \ufeffbom",
    "control\u0000\u0007characters\u007f",
    "1234567890 3.14159 1,000,000 ½ ² ٣",
    "http://example.org/a_b?c=d&e=f#g user@example.org",
    "[CLS] [SEP] [MASK] [UNK] [PAD] [cls]",
    "<|startoftext|> inside <|endoftext|> of it",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "x" * 120,
    "!!!???...---___***",
    "(a)[b]{c}<d>\"e\"'f'`g`",
    "İstanbul ǅ ﬁ ß ẞ ſ",
    "ab\u0327c\u0301 Å \u212b",
    "हिन्दी ไทย العربية עברית",
    "\ud7ff\ue000\ufffd",
    "word " * 120,
]
SENTENCES = [
    "a dog runs over the green field",
    "two children play with a red ball",
    "the dogs are running in the snow",
    "a child is playing at the beach",
    "the red dog and the green ball",
]


def clip(folder):
    """As OpenAI's code makes the vocabulary from the list of merges."""
    merges = gzip.open(folder / "clip/bpe_simple_vocab_16e6.txt.gz").read().decode("utf-8").split("\n")
    merges = [tuple(merge.split()) for merge in merges[1 : 49152 - 256 - 2 + 1]]
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in visible]
    letters = [chr(b) for b in visible] + [chr(256 + i) for i in range(len(others))]
    tokens = letters + [x + "</w>" for x in letters] + ["".join(merge) for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=merges)


def unigram():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=60, special_tokens=["<s>", "</s>", "<unk>"], unk_token="<unk>")
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.save(str(HERE / "tiny_unigram.json"), pretty=False)
    return PreTrainedTokenizerFast(tokenizer_file=str(HERE / "tiny_unigram.json"))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    lines = (folder / "flickr8k/captions.txt").read_text(encoding="utf-8").splitlines()
    numbers = [1 + 167 * i for i in range(240)]
    captions = [lines[n].split(",", 1)[1] for n in numbers]
    known = {
        "bert": (BertTokenizer(vocab=str(folder / "bert/vocab.txt")), 512),
        "bert_cased": (BertTokenizer(vocab=str(folder / "bert/vocab.txt"), do_lower_case=False), 512),
        "clip": (clip(folder), 77),
        "unigram": (unigram(), 512),
    }
    result = {"strings": NASTY, "lines": numbers, "ids": {}}
    for name, (tokenizer, length) in known.items():
        ids = lambda texts: [tokenizer(t, truncation=True, max_length=length)["input_ids"] for t in texts]
        result["ids"][name] = {"strings": ids(NASTY)}
        if name != "unigram" and name != "bert_cased":
            result["ids"][name]["lines"] = ids(captions)
    text = json.dumps(result, separators=(",", ":")).replace("],[", "],\n[")
    (HERE / "tokenizers_ids.json").write_text(text + "\n", encoding="utf-8")
