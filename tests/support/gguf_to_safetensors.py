"""Turn the packaged GGUF into a folder that vLLM can load: `gguf_to_safetensors.py GGUF FOLDER`.

Runs inside the vLLM environment, by path, so it imports nothing of ours. The quantised weights become bfloat16.
"""

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig


def convert(gguf: Path, folder: Path) -> None:
    """Write config, weights, tokenizer with chat template and generation config to `folder`."""
    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    tokenizer = AutoTokenizer.from_pretrained(**where)
    loaded = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    config = loaded.config
    # A model loaded from a GGUF refuses to be saved; the same weights in a model made from its config do not.
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config._name_or_path = ""
    config.dtype = torch.bfloat16
    model = type(loaded)._from_config(config, dtype=torch.bfloat16)
    weights = {name: tensor.to(torch.bfloat16) for name, tensor in loaded.state_dict().items()}
    model.load_state_dict(weights, strict=True)
    model.tie_weights()
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    torch.set_num_threads(1)
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
