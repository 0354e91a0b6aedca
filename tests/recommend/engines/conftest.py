"""The two real servers that the contract is tested against, each started once and only when a test asks for it."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from recgpt_site.embedded import llama
from recgpt_site.embedded.processes import Process, Service, ServiceError, Stage, python_environment
from recgpt_site.embedded.progress import Progress
from recommend.engines.openai import OpenAIEngine
from tests.support import vllm_environment, vllm_server

# Enough to have eight requests in flight; llama.cpp's slots share one thread.
N_SLOTS = 8
RUNNING_METRICS = ("llamacpp:requests_processing", "vllm:num_requests_running")


@dataclass(frozen=True)
class Server:
    """A running language-model server and what differs between the two."""

    name: str
    base_url: str
    model: str
    has_priorities: bool
    checks_model_names: bool
    # Under a schema vLLM's alternatives are those that it allows; llama.cpp's are what the model would rather say.
    masks_logprobs: bool

    def engine(self, **options) -> OpenAIEngine:
        """An engine for it."""
        return OpenAIEngine(self.base_url, send_priority=self.has_priorities, **options)

    def n_running(self) -> float:
        """Requests that it is generating for right now, as it says itself."""
        with httpx.Client(trust_env=False) as client:
            lines = client.get(self.base_url.replace("/v1", "/metrics")).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(RUNNING_METRICS))


@pytest.fixture(scope="session")
def llama_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The embedded model as packaged: the contract is about the server, not about the adapters' skills."""
    with _llama(tmp_path_factory.mktemp("llama") / "llama.log") as server:
        yield server


@pytest.fixture(scope="module")
def llama_server_with_adapters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The embedded model with its adapters, as the demo runs it."""
    with _llama(tmp_path_factory.mktemp("llama") / "adapters.log", *llama.ADAPTERS) as server:
        yield server


@contextmanager
def _llama(log: Path, *adapters: Path) -> Iterator[Server]:
    port = _free_port()
    options = ["--model", str(llama.model_file()), "--port", str(port), "--slots", str(N_SLOTS)]
    options += [word for adapter in adapters for word in ("--adapter", str(adapter))]
    service = Service(
        name="language model",
        command=(sys.executable, "-m", "recgpt_site.embedded.llama", *options, "--alias", "contract-model"),
        stage=Stage.MODEL,
        log=log,
        is_ready=lambda: vllm_server.answers(port),
        env=python_environment(),
        cwd=Path(llama.__file__).parents[2],
    )
    with _running(service):
        yield Server("llama.cpp", f"http://127.0.0.1:{port}/v1", "contract-model", False, False, False)


@pytest.fixture(scope="session")
def vllm_cpu_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """vLLM on the CPU. Where it cannot be installed or started, CI fails and other runs skip, both saying why."""
    port = _free_port()
    with _out_loud(request) as progress:
        try:
            model = vllm_environment.ensure(progress)
            with progress.step("Starting vLLM (20 to 60 s)"):
                process = _started(vllm_server.service(model, port, tmp_path_factory.mktemp("vllm") / "vllm.log"))
        except (vllm_environment.VllmMissingError, ServiceError) as error:
            progress.warn(f"vLLM is NOT tested: {error}")
            _missing(str(error))
    try:
        yield Server("vLLM", f"http://127.0.0.1:{port}/v1", vllm_server.MODEL_NAME, True, True, True)
    finally:
        _stop(process)


@pytest.fixture(
    params=[
        pytest.param("llama_server", marks=pytest.mark.llm, id="llama.cpp"),
        pytest.param("vllm_cpu_server", marks=[pytest.mark.llm, pytest.mark.vllm], id="vLLM"),
    ]
)
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the two."""
    found: Server = request.getfixturevalue(request.param)
    return found


def _missing(reason: str) -> None:
    if vllm_environment.is_required():
        pytest.fail(f"vLLM is required here (CI or RECGPT_REQUIRE_VLLM), but: {reason}", pytrace=False)
    pytest.skip(f"no vLLM: {reason}")


@contextmanager
def _out_loud(request: pytest.FixtureRequest) -> Iterator[Progress]:
    """Progress lines that pytest does not capture: nobody should wonder what takes two minutes."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print()
        yield Progress(sys.stdout)


@contextmanager
def _running(service: Service) -> Iterator[None]:
    process = _started(service)
    try:
        yield
    finally:
        _stop(process)


def _started(service: Service) -> Process:
    process = Process(service)
    try:
        process.wait_until_ready()
    except BaseException:
        process.kill()
        raise
    return process


def _stop(process: Process) -> None:
    process.ask_to_stop()
    process.wait_or_kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
