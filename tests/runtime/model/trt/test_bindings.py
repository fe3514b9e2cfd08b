"""Our calls against NVIDIA's own Python bindings: their names, their signatures, and as much as runs without a GPU."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.bindings.signatures import facts, hollow_libraries
from support.bindings.standin import FACTS, StandIn
from support.paths import ROOT

CUDA_CALLS = {
    "cudaSetDevice": ["device"],
    "cudaStreamCreateWithFlags": ["flags"],
    "cudaStreamDestroy": ["stream"],
    "cudaStreamSynchronize": ["stream"],
    "cudaMalloc": ["size"],
    "cudaFree": ["devPtr"],
    "cudaMemcpyAsync": ["dst", "src", "count", "kind", "stream"],
}
"""Calls of musicfeat.model.trt.memory, with their arguments."""
NO_GPU = """
import importlib, sys
sys.modules["tensorrt"] = importlib.import_module("tensorrt_bindings")
from musicfeat.errors import DeviceError
from musicfeat.model.trt import build, library, recipe
trt, logger = library.tensorrt(), library.logger()
trt.ILogger.log  # the class that ours derives from
logger.log(trt.ILogger.Severity.WARNING, "heard")
logger.log(trt.ILogger.Severity.ERROR, "no\\nGPU")
try:
    build.build(b"", recipe.Profile(), 2**20)
except DeviceError as error:
    print(error)
print(library.errors())
"""


@pytest.fixture(params=FACTS, ids=lambda path: path.stem)
def standin(request: pytest.FixtureRequest) -> StandIn:
    return StandIn(request.param, {"nptype": lambda kind: kind})


@pytest.fixture(scope="module")
def bindings() -> Path:
    """The folder of NVIDIA's bindings."""
    spec = importlib.util.find_spec("tensorrt_bindings")
    if spec is None or spec.origin is None:
        pytest.skip("NVIDIA's bindings are not installed: pip install --no-deps tensorrt-cu12-bindings")
    if shutil.which("cc") is None or not sys.platform.startswith("linux"):
        pytest.skip("no C compiler to make libraries that the bindings can be loaded with (Debian: gcc, libc6-dev)")
    return Path(spec.origin).parents[1]


def test_the_stand_in_takes_only_what_the_bindings_take(standin: StandIn) -> None:
    trt = standin.module
    builder = trt.Builder(trt.ILogger())
    network = builder.create_network(2)
    assert isinstance(network, trt.INetworkDefinition)
    assert isinstance(builder.create_network(), trt.INetworkDefinition)
    with pytest.raises(TypeError, match="fits none of"):
        builder.create_network("strongly typed")
    with pytest.raises(TypeError, match="fits none of"):
        builder.create_network(2, 3)
    with pytest.raises(TypeError, match="fits none of"):
        trt.OnnxParser(network)
    with pytest.raises(AttributeError):
        builder.build_engine(network)
    with pytest.raises(AttributeError):
        _ = trt.BuilderFlag.INT4096
    with pytest.raises(AttributeError, match="max_workspace_size"):
        builder.create_builder_config().max_workspace_size = 2**20
    assert standin.made("Builder.create_network") == [[2], []]


def test_both_majors_are_there_and_tell_what_was_removed() -> None:
    flags = {path.stem.split("-")[1].split(".")[0]: json.loads(path.read_text()) for path in FACTS}
    assert set(flags) == {"10", "11"}
    assert "FP16" in flags["10"]["classes"]["BuilderFlag"]
    assert "FP16" not in flags["11"]["classes"]["BuilderFlag"]
    assert "int8_calibrator" not in flags["11"]["classes"]["IBuilderConfig"]


def test_the_facts_are_the_installed_bindings(bindings: Path) -> None:
    found = facts(bindings)
    ours = {json.loads(path.read_text())["version"]: json.loads(path.read_text()) for path in FACTS}
    if found["version"] not in ours:
        pytest.skip(f"no facts are kept of TensorRT {found['version']}, only of {sorted(ours)}")
    assert found == ours[found["version"]]


def test_the_installed_bindings_take_our_calls(bindings: Path, tmp_path: Path) -> None:
    """All tests of the engine, against a stand-in of whichever version is installed."""
    path = tmp_path / "tensorrt-installed.json"
    path.write_text(json.dumps(facts(bindings)))
    code = "import sys, pytest; sys.path.append(sys.argv[1]); from pathlib import Path; "
    code += "from support.bindings import standin; "
    code += (
        "standin.FACTS[:] = [Path(sys.argv[2])]; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', sys.argv[3]]))"
    )
    tests = str(Path(__file__).with_name("test_engine.py"))
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "tests"), str(path), tests], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_our_logger_is_one_to_the_bindings_and_hears_why_nothing_starts(bindings: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("tensorrt_libs"):
        pytest.skip("the bindings load the real library here")
    (version,) = {path.name.split("-")[1] for path in bindings.glob("tensorrt_*bindings-*.dist-info")}
    hollow_libraries(tmp_path, int(version.split(".")[0]))
    environment = os.environ | {
        "LD_LIBRARY_PATH": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(bindings), *sys.path]),
    }
    done = subprocess.run([sys.executable, "-c", NO_GPU], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.splitlines() == [
        "TensorRT's builder does not start: no GPU",
        "TensorRT gives no reason",
    ], done.stderr


def test_cuda_s_bindings_have_what_we_call() -> None:
    runtime = pytest.importorskip("cuda.bindings.runtime", reason="cuda-bindings is not installed")
    for name, arguments in CUDA_CALLS.items():
        assert list(inspect.signature(getattr(runtime, name)).parameters) == arguments
    assert runtime.cudaMemcpyKind.cudaMemcpyHostToDevice != runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
    assert int(runtime.cudaStream_t()) == 0
    assert runtime.cudaStreamNonBlocking == 1


def test_cuda_s_failures_are_told_in_its_words() -> None:
    runtime = pytest.importorskip("cuda.bindings.runtime", reason="cuda-bindings is not installed")
    from musicfeat import DeviceError
    from musicfeat.model.trt.memory import checked

    assert checked((runtime.cudaError_t.cudaSuccess, 5)) == 5
    with pytest.raises(DeviceError, match="cudaErrorNoDevice"):
        checked((runtime.cudaError_t.cudaErrorNoDevice,))
