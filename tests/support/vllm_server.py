"""A real vLLM on the CPU for the contract tests: `python -m tests.support.vllm_server --ensure` prepares it."""

import argparse
import json
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from recgpt_site.embedded.processes import Service, Stage
from recgpt_site.embedded.progress import Progress
from tests.support import vllm_environment

MODEL_NAME = "contract-model"
MAX_SEQUENCES = 8
ENGINE_ARGUMENTS = {
    "dtype": "bfloat16",
    "max_model_len": 2048,
    # Per-request seeds with chunked prefill kill vLLM on a CPU. Eager, as compiling takes half a minute more.
    "enforce_eager": True,
    "enable_chunked_prefill": False,
    # A model this small fills its token limit with blank lines wherever JSON allows white space.
    "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
    # Few sequences at once, so that some of the requests wait and their priority has an effect.
    "max_num_seqs": MAX_SEQUENCES,
}
ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GB
    # As many threads as cores, each bound to one, all but stop where anything else runs beside them.
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}


def service(model: Path, port: int, log: Path) -> Service:
    """The server, to be started by `Process`: 20 to 60 s on a quiet machine, 3.2 GB of memory."""
    where = ("--host", "127.0.0.1", "--port", str(port), "--model", str(model), "--served-model-name", MODEL_NAME)
    python = str(vllm_environment.python())
    return Service(
        name="vLLM",
        command=(
            *("/usr/bin/nice", "-n", "15", python, "-m", "vllm.entrypoints.openai.api_server"),
            *(*where, *_options(ENGINE_ARGUMENTS), "--scheduling-policy", "priority"),
        ),
        stage=Stage.MODEL,
        log=log,
        is_ready=lambda: answers(port),
        stop_signal=signal.SIGTERM,
        stop_timeout_s=20.0,
        ready_timeout_s=600.0,
        env={**os.environ, **ENVIRONMENT},
        cwd=log.parent,
    )


def _options(arguments: Mapping[str, Any]) -> Iterator[str]:
    """Arguments of the engine as options of its server."""
    for name, value in arguments.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{option}" if value else f"--no-{option}"
        else:
            yield from (f"--{option}", json.dumps(value) if isinstance(value, dict) else str(value))


def answers(port: int) -> bool:
    """Whether a server on this port says that it is well (llama.cpp and vLLM both have /health)."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/health", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def main() -> None:
    """Parse the command line; status 1 with the reason where vLLM is required and cannot be installed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ensure", action="store_true", required=True, help="make the environment unless it is there")
    parser.parse_args()
    try:
        model = vllm_environment.ensure(Progress())
    except vllm_environment.VllmMissingError as error:
        print(f"! vLLM cannot be installed here, so the contract tests against it do not run.\n! {error}", flush=True)
        sys.exit(1 if vllm_environment.is_required() else 0)
    print(f"vLLM is ready in {vllm_environment.folder()}, its model in {model}", flush=True)


if __name__ == "__main__":
    main()
