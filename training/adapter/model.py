"""The base model as trainable modules, LoRA on its linear layers, and the adapter as files.

The base is the GGUF that the product serves, taken out of quantisation, so that the adapter learns beside the very
weights that it will run beside. LoRA is written out here: the base stays bfloat16 and frozen, the small matrices are
float32, and nothing else is cast.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface, AutoModelForCausalLM, AutoTokenizer

from training.adapter.packing import Segment
from training.adapter.weights import base_gguf

RANK = 16
ALPHA = 32.0
LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class LoraLinear(nn.Module):  # type: ignore[misc] # torch is no part of the environment that is checked
    """A frozen linear layer plus a low-rank change: y = x Wᵀ + (ALPHA / RANK) · x Aᵀ Bᵀ.

    A (RANK, in) starts random, B (out, RANK) starts at zero, so that training begins at the base model.
    """

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.a = nn.Parameter(torch.empty(RANK, base.in_features))
        self.b = nn.Parameter(torch.zeros(base.out_features, RANK))
        nn.init.kaiming_uniform_(self.a, a=5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        low = functional.linear(x, self.a.to(x.dtype))  # (…, RANK)
        return torch.add(self.base(x), functional.linear(low, self.b.to(x.dtype)), alpha=ALPHA / RANK)


def load_tokenizer() -> Any:
    """The tokenizer inside the model file."""
    path = base_gguf()
    return AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)


def load_base() -> Any:
    """The model in bfloat16, its weights taken out of quantisation.

    Loaded into a fresh model of the same configuration, as transformers marks one read from a GGUF as quantised and
    refuses to train it.
    """
    path = base_gguf()
    source = AutoModelForCausalLM.from_pretrained(str(path.parent), gguf_file=path.name, dtype=torch.float32)
    config = source.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = type(source)._from_config(config, dtype=torch.bfloat16)
    model.load_state_dict({name: weight.to(torch.bfloat16) for name, weight in source.state_dict().items()})
    model.tie_weights()
    AttentionInterface.register("tree", tree_attention)
    AttentionMaskInterface.register("tree", lambda *args, **kwargs: None)
    model.set_attn_implementation("tree")
    return model.requires_grad_(False)


def tree_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    segments: Sequence[Segment] = (),
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention within a pack, segment by segment: what lies in other branches is never computed.

    query (1, heads, L, D), key and value (1, kv heads, L, D); returns (1, L, heads, D). With one dense mask over the
    pack, attention took half of the time of a training step on a CPU.
    """
    kv_heads, dim = key.shape[1], query.shape[-1]
    query = query[0].unflatten(0, (kv_heads, -1)) * dim**-0.5  # (kv heads, group, L, D)
    key, value = key[0], value[0]  # (kv heads, L, D)
    parts = []
    for segment in segments:
        keys = torch.cat([key[:, : segment.n_lead], key[:, segment.seen], key[:, segment.start : segment.end]], dim=1)
        values = torch.cat(
            [value[:, : segment.n_lead], value[:, segment.seen], value[:, segment.start : segment.end]], dim=1
        )
        asked = query[:, :, segment.start : segment.end]  # (kv heads, group, n, D)
        n, shape = segment.end - segment.start, asked.shape
        # The heads of a group share keys and values: one product for all of them. Written out, as the fused kernel
        # for CPUs took three times as long forwards and backwards.
        scores = torch.bmm(asked.reshape(kv_heads, -1, dim), keys.transpose(1, 2))  # (kv heads, group · n, seen + n)
        scores = scores.view(kv_heads, -1, n, scores.shape[-1]) + segment.mask
        weights = torch.softmax(scores, dim=-1).view(kv_heads, -1, scores.shape[-1])
        parts.append(torch.bmm(weights, values).view(shape))
    mixed = torch.cat(parts, dim=2).flatten(0, 1)  # (heads, L, D)
    return mixed.transpose(0, 1)[None], None


def add_lora(model: Any) -> list[nn.Parameter]:
    """Put LoRA beside every linear layer of the blocks; returns what is to be trained."""
    parameters: list[nn.Parameter] = []
    for block in model.model.layers:
        for part in (block.self_attn, block.mlp):
            for name in LAYERS:
                if hasattr(part, name):
                    layer = LoraLinear(getattr(part, name))
                    setattr(part, name, layer)
                    parameters += [layer.a, layer.b]
    return parameters


def lora_state(model: Any) -> dict[str, Tensor]:
    """PEFT's name of each matrix -> its values."""
    state = {}
    for name, module in model.named_modules():
        if isinstance(module, LoraLinear):
            state[f"base_model.model.{name}.lora_A.weight"] = module.a.detach().clone()
            state[f"base_model.model.{name}.lora_B.weight"] = module.b.detach().clone()
    return state


def save_peft(state: dict[str, Tensor], folder: Path) -> None:
    """The adapter as PEFT, transformers and vLLM read it."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in state.items()}, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": RANK,
        "lora_alpha": ALPHA,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(LAYERS),
        "base_model_name_or_path": "SmolLM2-135M-Instruct",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")


def save_gguf(state: dict[str, Tensor], config: Any, path: Path) -> None:
    """The adapter as llama.cpp reads it, in float16.

    llama.cpp interleaves the two halves of each head for its rotary embedding: rows of B of q and k follow.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", ALPHA)
    for name, value in sorted(state.items()):
        layer, part = name.removeprefix("base_model.model.").removesuffix(".weight").rsplit(".lora_", 1)
        array = value.float().numpy()
        tensor, n_heads = _place(layer, config)
        if part == "B" and n_heads:
            array = _interleave(array, n_heads)
        writer.add_tensor(f"{tensor}.lora_{part.lower()}", array.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def load_gguf(model: Any, path: Path) -> None:
    """Put the values that `save_gguf` wrote, rounded to float16, into a model with LoRA."""
    held = {tensor.name: np.array(tensor.data, np.float32) for tensor in gguf.GGUFReader(str(path)).tensors}
    for name, module in model.named_modules():
        if isinstance(module, LoraLinear):
            tensor, n_heads = _place(name, model.config)
            b = held[f"{tensor}.lora_b"]
            module.a.data.copy_(torch.from_numpy(held[f"{tensor}.lora_a"]))
            module.b.data.copy_(torch.from_numpy(_halves(b, n_heads) if n_heads else b))


def _place(layer: str, config: Any) -> tuple[str, int]:
    """llama.cpp's name of a linear layer, and how many heads its rows are interleaved for; 0 where they are not."""
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    return names.get_name(f"{layer}.weight", try_suffixes=(".weight",)), heads.get(layer.rsplit(".", 1)[-1], 0)


def _interleave(rows: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    half = rows.shape[0] // heads // 2
    return rows.reshape(heads, 2, half, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def _halves(rows: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """What `_interleave` did, undone."""
    half = rows.shape[0] // heads // 2
    return rows.reshape(heads, half, 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)
