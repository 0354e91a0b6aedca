"""SmolLM2's own tokenizer, read from the model file that the embedded server loads."""

import struct
from pathlib import Path
from typing import Any, BinaryIO

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

# GGUF's types of values; 8 is a text, 9 an array. Source: the GGUF specification in ggml's docs/gguf.md.
_NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_TEXT, _ARRAY = 8, 9


def load(path: Path) -> Tokenizer:
    """The tokenizer of a GGUF file of SmolLM2: byte-level BPE, each digit a token of its own."""
    with path.open("rb") as file:
        found = _metadata(file)
    vocabulary = {token: number for number, token in enumerate(found["tokenizer.ggml.tokens"])}
    merges = [tuple(merge.split(" ")) for merge in found["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = Sequence([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])
    return tokenizer


def _metadata(file: BinaryIO) -> dict[str, Any]:
    magic, version, _, n_values = struct.unpack("<4sIQQ", file.read(24))
    if magic != b"GGUF" or version < 2:
        raise ValueError(f"{file.name} is no GGUF file of version 2 or later")
    return {_text(file): _value(file, _number(file, "<I")) for _ in range(n_values)}


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _TEXT:
        return _text(file)
    if kind == _ARRAY:
        of, n = _number(file, "<I"), _number(file, "<Q")
        return [_value(file, of) for _ in range(n)]
    return _number(file, _NUMBERS[kind])


def _text(file: BinaryIO) -> str:
    return file.read(_number(file, "<Q")).decode()


def _number(file: BinaryIO, form: str) -> Any:
    return struct.unpack(form, file.read(struct.calcsize(form)))[0]
