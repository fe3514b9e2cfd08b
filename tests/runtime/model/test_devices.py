"""Devices by name and index, the CUDA provider's options, and errors where a GPU is not."""

from __future__ import annotations

import ctypes
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from musicfeat import DeviceError, Extractor, InputError, ModelError
from musicfeat.cli import main
from musicfeat.model import gpu as driver_module
from musicfeat.model.engine import Device, parse_device
from musicfeat.model.gpu import DriverError, compute_capability, gpus
from musicfeat.model.onnxruntime_engine import OnnxRuntimeEngine
from musicfeat.model.opening import Opening
from musicfeat.model.providers import PROVIDERS, provider_of, settings_of
from musicfeat.model.session import Session, find_model

DRIVER = """
#include <string.h>
static int started = 0;
int cuInit(unsigned flags) { started = 1; return flags; }
int cuDeviceGetCount(int *count) { *count = 2; return started ? 0 : 3; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal + 40; return ordinal < 2 ? 0 : 101; }
int cuDeviceGetName(char *name, int size, int device) {
    strncpy(name, device == 40 ? "NVIDIA One" : "NVIDIA Two", size); return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? 8 + (device == 41) : 6; return 0;
}
"""
"""The driver's functions with the signatures of cuda.h, for a machine with two GPUs."""


@pytest.fixture
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler to make a driver with (Debian: gcc, libc6-dev)")
    (tmp_path / "driver.c").write_text(DRIVER)
    command = ["cc", "-shared", "-fPIC", str(tmp_path / "driver.c"), "-o", str(tmp_path / "driver.so")]
    subprocess.run(command, check=True)
    monkeypatch.setattr(driver_module, "_driver", driver_module._driver.__wrapped__)
    monkeypatch.setattr(driver_module, "LIBRARY", str(tmp_path / "driver.so"))
    ctypes.CDLL(str(tmp_path / "driver.so")).cuInit(0)


@pytest.fixture
def no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_module, "_driver", driver_module._driver.__wrapped__)
    monkeypatch.setattr(driver_module, "LIBRARY", "libno-such-driver.so.1")


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("cpu", Device("cpu")),
        ("cuda", Device("cuda", 0)),
        ("cuda:3", Device("cuda", 3)),
        ("tensorrt:0", Device("tensorrt", 0)),
        ("tensorrt", Device("tensorrt", 0)),
        ("openvino", Device("openvino", unit="CPU")),
        ("openvino:GPU.1", Device("openvino", unit="GPU.1")),
        ("openvino:NPU", Device("openvino", unit="NPU")),
        ("coreml", Device("coreml")),
        ("directml", Device("directml", 0)),
        ("directml:2", Device("directml", 2)),
        ("qnn", Device("qnn")),
    ],
)
def test_devices_are_named_by_kind_and_index(name: str, device: Device) -> None:
    assert parse_device(name) == device
    assert parse_device(str(device)) == device


UNKNOWN = ["gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "tensorrt:1.5", "", "TensorRT:0", "openvino:cpu", "qnn:0", 3]


@pytest.mark.parametrize("name", UNKNOWN)
def test_other_devices_are_refused(name: object) -> None:
    with pytest.raises(InputError, match=r"device must be .*'cuda:INDEX', 'tensorrt:INDEX', 'openvino:CPU"):
        parse_device(name)  # type: ignore[arg-type]


@pytest.mark.usefixtures("two_gpus")
def test_gpus_are_asked_of_the_driver() -> None:
    assert gpus() == ["NVIDIA One", "NVIDIA Two"]
    assert [compute_capability(index) for index in (0, 1)] == ["8.6", "9.6"]
    assert Device("cuda", 1).check() == "NVIDIA Two"
    with pytest.raises(DriverError, match="101"):
        compute_capability(2)
    with pytest.raises(DeviceError, match=r"no device 'cuda:2' here; there is cuda:0 \(NVIDIA One\), cuda:1"):
        Device("cuda", 2).check()


@pytest.mark.usefixtures("no_driver")
def test_a_missing_driver_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeviceError, match="install NVIDIA's driver"):
        Device("cuda", 0).check()
    assert main(["info"]) == 0
    assert "GPUs: none (libno-such-driver.so.1 cannot be loaded" in capsys.readouterr().out


@pytest.mark.usefixtures("two_gpus")
def test_info_lists_gpus_and_what_tensorrt_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert "GPUs: 0 NVIDIA One, 1 NVIDIA Two" in out
    if importlib.util.find_spec("tensorrt") is None:
        assert "TensorRT: not usable" in out
        assert "pip install 'musicfeat[tensorrt]'" in out


def test_info_explains_a_clash(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("musicfeat.info.metadata.version", lambda _: "1.31.1")
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert "onnxruntime and onnxruntime-gpu are both installed" in out
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in out


def test_the_cuda_provider_is_capped_exact_and_frugal() -> None:
    assert provider_of(Device("cuda", 2), 3 * 2**30) == (
        "CUDAExecutionProvider",
        {
            "device_id": "2",
            "cudnn_conv_algo_search": "HEURISTIC",
            "arena_extend_strategy": "kSameAsRequested",
            "use_tf32": "0",
            "gpu_mem_limit": "3221225472",
        },
    )
    assert "gpu_mem_limit" not in provider_of(Device("cuda"), None)[1]


def test_other_providers_have_their_documented_options() -> None:
    """As ONNX Runtime's pages on the providers name them."""
    cases = {
        "openvino": ("OpenVINOExecutionProvider", {"device_type": "CPU", "num_of_threads": "3", "precision": "FP32"}),
        "openvino:NPU": ("OpenVINOExecutionProvider", {"device_type": "NPU", "num_of_threads": "3"}),
        "coreml": ("CoreMLExecutionProvider", {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL"}),
        "directml:1": ("DmlExecutionProvider", {"device_id": "1"}),
        "qnn": ("QNNExecutionProvider", {"backend_type": "htp"}),
        "cpu": ("CPUExecutionProvider", {}),
    }
    for name, expected in cases.items():
        assert provider_of(parse_device(name), threads=3) == expected
        fallback = settings_of(parse_device(name), None).get("session.disable_cpu_ep_fallback")
        assert fallback == (None if name == "cpu" else "1")


def test_a_caller_s_options_go_over_ours_each_to_its_place() -> None:
    device = parse_device("openvino:GPU")
    chosen = {"precision": "FP16", "cache_dir": "x", "session.disable_cpu_ep_fallback": "0"}
    _, options = provider_of(device, options=chosen)
    assert options == {"device_type": "GPU", "num_of_threads": "1", "precision": "FP16", "cache_dir": "x"}
    assert settings_of(device, chosen) == {"session.disable_cpu_ep_fallback": "0"}


@pytest.mark.parametrize("options", [["a"], {"a": 1}, {1: "a"}, "a"])
def test_unusable_options_are_refused(options: object) -> None:
    with pytest.raises(InputError, match="dictionary of texts"):
        Session(device="openvino", options=options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="TensorRT runs without it"):
        Session(device="tensorrt", options={})


@pytest.mark.parametrize("name", ["openvino", "coreml", "directml:0", "qnn"])
def test_a_provider_that_is_not_there_is_an_error_that_says_how_to_get_it(name: str) -> None:
    from musicfeat.model.ort import onnxruntime

    provider = PROVIDERS[parse_device(name).kind]
    if provider.name in onnxruntime.get_available_providers():
        pytest.skip(f"this onnxruntime has {provider.name}")
    with pytest.raises(DeviceError, match=re.escape(provider.install)):
        Extractor(device=name)


@pytest.mark.parametrize("name", ["openvino:CPU", "openvino:GPU", "openvino:NPU", "coreml", "directml:0", "qnn"])
def test_a_provider_gives_the_cpu_s_answers_or_says_why_not(name: str) -> None:
    """Run where a build of ONNX Runtime has the provider; the device may be missing all the same."""
    from musicfeat.model.ort import onnxruntime

    provider = PROVIDERS[parse_device(name).kind].name
    if provider not in onnxruntime.get_available_providers():
        pytest.skip(f"this onnxruntime has no {provider}: {PROVIDERS[parse_device(name).kind].install}")
    try:
        session = Session(device=name, threads=1)
    except DeviceError as error:
        assert name != "openvino:CPU"
        pytest.skip(f"no such device here: {error}")
    assert session.providers[0] == provider
    cpu = Session(threads=1)
    windows = np.random.default_rng(0).standard_normal((3, cpu.card.window)).astype(np.float32)
    expected, atol = cpu.run(windows, cpu.outputs), 1e-4 if name in ("openvino:CPU", "openvino:GPU") else 5e-2
    for output, value in session.run(windows, cpu.outputs).items():
        np.testing.assert_allclose(value, expected[output], atol=atol, err_msg=output)


def test_a_missing_device_of_openvino_is_never_replaced() -> None:
    from musicfeat.model.ort import onnxruntime

    if "OpenVINOExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has no OpenVINO: pip install onnxruntime-openvino in an environment of its own")
    with pytest.raises(DeviceError, match=r"openvino:GPU\.7.*it is not there, or lacks an operator"):
        Extractor(device="openvino:GPU.7")


@pytest.mark.parametrize("memory", [0, -1, 1.5, True, "2GB"])
def test_unusable_memory_is_refused(memory: object) -> None:
    with pytest.raises(InputError, match="whole number of bytes"):
        Session(device="cuda:0", memory=memory)  # type: ignore[arg-type]


def test_memory_of_the_cpu_is_not_capped() -> None:
    with pytest.raises(InputError, match="leave it out"):
        Extractor(memory=2**30)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("CUDA failure 101: invalid device ordinal", DeviceError),
        ("BFCArena: Available memory of 10 is smaller than requested bytes of 20 (memory arena)", DeviceError),
        ("CUDNN_STATUS_NOT_INITIALIZED", DeviceError),
        (f"Load model from {find_model(None)} failed:Protobuf parsing failed.", ModelError),
    ],
)
def test_failures_of_the_gpu_are_told_from_those_of_the_model(
    said: str, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime's own words, thrown where a CUDA build throws them."""
    from musicfeat.model.ort import onnxruntime

    def fail(*_: object, **options: object) -> None:
        assert options["enable_fallback"] == 0
        raise RuntimeError(said)

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", fail)
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None, raising=False)
    monkeypatch.setattr("musicfeat.model.engine.gpus", lambda: ["NVIDIA One"])
    with pytest.raises(kind, match=re.escape(said)):
        OnnxRuntimeEngine(Opening(find_model(None), Device("cuda")))


@pytest.mark.usefixtures("two_gpus")
def test_a_provider_that_does_not_load_is_never_replaced_silently() -> None:
    """With a CUDA build of ONNX Runtime on a machine without CUDA, the real library declines to enable it."""
    from musicfeat.model.ort import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime is built without CUDA")
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceError, match="enabled only"):
        Extractor(device="cuda:0")


def test_cuda_gives_the_cpu_s_answers_within_its_memory() -> None:
    try:
        session = Session(device="cuda:0", memory=2**31)
    except DeviceError as error:
        pytest.skip(f"no CUDA provider to run on: {error}")
    assert session.providers[0] == "CUDAExecutionProvider"
    cpu = Session(threads=1)
    windows = np.random.default_rng(0).standard_normal((3, cpu.card.window)).astype(np.float32)
    expected = cpu.run(windows, cpu.outputs)
    for name, value in session.run(windows, cpu.outputs).items():
        np.testing.assert_allclose(value, expected[name], atol=1e-4, err_msg=name)
