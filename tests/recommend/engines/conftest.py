"""What the contract is tested against: two real servers, and vLLM in a process of its own; started when asked for."""

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
from recommend.engines.types import Engine
from tests.support import vllm_environment, vllm_server
from tests.support.random_adapter import random_adapter
from tests.support.vllm_process import VllmProcess, vllm_process

# Enough to have eight requests in flight; llama.cpp's slots share one thread.
N_SLOTS = 8
RUNNING_METRICS = ("llamacpp:requests_processing", "vllm:num_requests_running")


@dataclass(frozen=True)
class Server:
    """A running language model and what differs between them."""

    name: str
    model: str
    has_priorities: bool
    checks_model_names: bool
    # Under a schema vLLM's alternatives are those that it allows; llama.cpp's are what the model would rather say.
    masks_logprobs: bool

    def engine(self, **options) -> Engine:
        """An engine for it."""
        raise NotImplementedError

    def n_running(self) -> float:
        """Requests that it is generating for right now, as it says itself."""
        raise NotImplementedError


@dataclass(frozen=True)
class HttpServer(Server):
    """One that is asked by the `openai` engine."""

    base_url: str

    def engine(self, **options) -> OpenAIEngine:
        return OpenAIEngine(self.base_url, send_priority=self.has_priorities, **options)

    def n_running(self) -> float:
        with httpx.Client(trust_env=False) as client:
            lines = client.get(self.base_url.replace("/v1", "/metrics")).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(RUNNING_METRICS))


@dataclass(frozen=True)
class InProcess(Server):
    """The `vllm` engine. It is one for all tests, with the limits that it was made with."""

    process: VllmProcess
    adapter: str

    def engine(self, **options) -> VllmProcess:
        return self.process

    def n_running(self) -> float:
        return float(self.process.ask("n_running"))


@pytest.fixture(scope="session")
def llama_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    """The embedded model as packaged: the contract is about the server, not about the adapters' skills."""
    with _llama(tmp_path_factory.mktemp("llama") / "llama.log") as server:
        yield server


@pytest.fixture(scope="module")
def llama_server_with_adapters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    """The embedded model with its adapters, as the demo runs it."""
    with _llama(tmp_path_factory.mktemp("llama") / "adapters.log", *llama.ADAPTERS) as server:
        yield server


@contextmanager
def _llama(log: Path, *adapters: Path) -> Iterator[HttpServer]:
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
        yield HttpServer("llama.cpp", "contract-model", False, False, False, f"http://127.0.0.1:{port}/v1")


@pytest.fixture(scope="session")
def vllm_cpu_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
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
        yield HttpServer("vLLM", vllm_server.MODEL_NAME, True, True, True, f"http://127.0.0.1:{port}/v1")
    finally:
        _stop(process)


@pytest.fixture(scope="session")
def vllm_in_process(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    """The `vllm` engine on the CPU, with an adapter. Where it cannot be, as with the server."""
    folder = tmp_path_factory.mktemp("vllm-in-process")
    with _out_loud(request) as progress:
        try:
            model = vllm_environment.ensure(progress)
            adapter = random_adapter(model, folder / "adapter")
        except vllm_environment.VllmMissingError as error:
            progress.warn(f"vLLM is NOT tested: {error}")
            _missing(str(error))
    name, adapters = vllm_server.MODEL_NAME, {"contract-adapter": str(adapter)}
    options = {"model": str(model), "name": name, "adapters": adapters, "options": vllm_server.ENGINE_ARGUMENTS}
    with vllm_process(folder, **options) as process:
        yield InProcess("vLLM in process", name, True, True, True, process, "contract-adapter")


LLAMA = pytest.param("llama_server", marks=pytest.mark.llm, id="llama.cpp")
VLLM = pytest.param("vllm_cpu_server", marks=[pytest.mark.llm, pytest.mark.vllm], id="vLLM")
VLLM_IN_PROCESS = pytest.param("vllm_in_process", marks=[pytest.mark.llm, pytest.mark.vllm], id="vLLM in process")


@pytest.fixture(params=[LLAMA, VLLM, VLLM_IN_PROCESS])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the three."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=[LLAMA, VLLM])
def http_server(request: pytest.FixtureRequest) -> HttpServer:
    """Each that is asked by the `openai` engine."""
    found: HttpServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=[VLLM, VLLM_IN_PROCESS])
def scheduling_server(request: pytest.FixtureRequest) -> Server:
    """Each that schedules by priority, which llama.cpp does not."""
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
