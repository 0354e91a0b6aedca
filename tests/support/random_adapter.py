"""A LoRA adapter of random numbers, for tests only: what it changes in answers means nothing, only that it does."""

import json
import subprocess
from pathlib import Path

from tests.support import vllm_environment

RANK = 4
# In vLLM's environment, which has safetensors and numpy.
_WRITE = """
import json, sys
import numpy as np
from safetensors.numpy import save_file

config, folder, rank = json.load(open(sys.argv[1])), sys.argv[2], int(sys.argv[3])
draw = np.random.default_rng(1)
hidden = config["hidden_size"]
weights = {}
for layer in range(config["num_hidden_layers"]):
    name = f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_"
    weights[name + "A.weight"] = draw.normal(0, 0.5, (rank, hidden)).astype(np.float32)
    weights[name + "B.weight"] = draw.normal(0, 0.5, (hidden, rank)).astype(np.float32)
save_file(weights, folder + "/adapter_model.safetensors")
"""


def random_adapter(model: Path, folder: Path) -> Path:
    """Write an adapter of this model to the folder, as PEFT does."""
    folder.mkdir()
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": 2 * RANK}
    (folder / "adapter_config.json").write_text(json.dumps(config | {"target_modules": ["q_proj"], "bias": "none"}))
    command = (str(vllm_environment.python()), "-c", _WRITE, str(model / "config.json"), str(folder), str(RANK))
    subprocess.run(command, check=True, capture_output=True, text=True)
    return folder
