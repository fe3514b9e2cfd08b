"""From a model file to its answers on TensorRT.

No test machine need have TensorRT's library. Where it and a GPU are there, the last tests run on them. The others
run our code against a stand-in whose classes and signatures are generated from those that NVIDIA's compiled
bindings of TensorRT 10.0.1 and 11.4 state, with ONNX Runtime doing the arithmetic: see tests/support/bindings.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from musicfeat import DeviceError, Extractor, InputError, ModelError
from musicfeat.errors import MusicfeatError
from musicfeat.model.engine import Device
from musicfeat.model.session import Session, find_model
from musicfeat.model.trt import library, sealed
from musicfeat.model.trt.build import build
from musicfeat.model.trt.engine import write_engine
from musicfeat.model.trt.recipe import Profile
from support.bindings.host import Machine
from support.bindings.standin import FACTS

GPU = Device("tensorrt", 0)


@pytest.fixture(params=FACTS, ids=lambda path: path.stem)
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(request.param)
    monkeypatch.setitem(sys.modules, "tensorrt", made.standin.module)
    for module in ("library", "memory"):
        monkeypatch.setattr(f"musicfeat.model.trt.{module}.cuda_runtime", lambda: made.runtime)
    monkeypatch.setattr("musicfeat.model.engine.gpus", lambda: ["Played by the CPU"])
    monkeypatch.setattr("musicfeat.model.trt.library.compute_capability", lambda _: "0.0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    library.logger.cache_clear()
    yield made
    library.logger.cache_clear()


def windows_of(model: Session, batch: int) -> np.ndarray:
    return np.random.default_rng(batch).standard_normal((batch, model.card.window)).astype(np.float32)


@pytest.fixture(scope="module")
def cpu() -> Session:
    return Session(threads=1, outputs=["embedding", "reversal"])


def test_the_builder_asks_for_what_an_engine_needs(machine: Machine) -> None:
    onnx = find_model(None).read_bytes()
    engine, timings = build(onnx, Profile(1, 4, 8), 2**20, b"earlier timings")
    assert engine == b"plan:" + onnx
    assert timings == b"timings"
    trt, made = machine.standin.module, machine.standin.made
    assert made("Builder.create_network") == [[1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)]]
    assert made("OnnxParser.parse") == [[onnx]]
    assert made("IBuilderConfig.clear_flag") == [[trt.BuilderFlag.TF32]]
    assert made("IBuilderConfig.set_memory_pool_limit") == [[trt.MemoryPoolType.WORKSPACE, 2**20]]
    assert made("IOptimizationProfile.set_shape") == [["waveform", (1, 220500), (4, 220500), (8, 220500)]]
    assert made("IBuilderConfig.create_timing_cache") == [[b"earlier timings"]]
    assert len(made("IBuilderConfig.add_optimization_profile")) == 1


def test_timings_that_do_not_fit_are_left_out(machine: Machine) -> None:
    fits = iter((False, True))
    machine.standin.answers["IBuilderConfig.set_timing_cache"] = lambda *_: next(fits)
    build(find_model(None).read_bytes(), Profile(), 2**20, b"of another version")
    assert machine.standin.made("IBuilderConfig.create_timing_cache") == [[b"of another version"], [b""]]


def test_every_error_of_the_parser_is_told(machine: Machine) -> None:
    class Error:
        node_operator = staticmethod(lambda: "STFT")
        node_name = staticmethod(lambda: "spectrum")
        desc = staticmethod(lambda: "no such importer")

    members = {"node_operator", "node_name", "desc"}
    assert members <= set(vars(machine.standin.module.ParserError))
    answers = machine.standin.answers
    answers |= {"OnnxParser.parse": lambda *_: False, "OnnxParser.num_errors": lambda _: 2}
    answers["OnnxParser.get_error"] = lambda *_: Error()
    with pytest.raises(ModelError, match=r"STFT 'spectrum': no such importer; STFT 'spectrum': no such importer"):
        build(b"", Profile(), 2**20)


def test_a_failed_build_tells_what_the_logger_heard(machine: Machine) -> None:
    def fail(*_: object) -> None:
        logger, severity = library.logger(), machine.standin.module.ILogger.Severity
        logger.log(severity.WARNING, "not this")
        logger.log(severity.ERROR, "no kernel\nfor Pad")

    machine.standin.answers["Builder.build_serialized_network"] = fail
    with pytest.raises(ModelError, match=r"cannot build the model: no kernel for Pad$"):
        build(find_model(None).read_bytes(), Profile(), 2**20)
    machine.standin.answers["IBuilderConfig.add_optimization_profile"] = lambda *_: -1
    with pytest.raises(ModelError, match="refuses batches of 1 to 64"):
        build(find_model(None).read_bytes(), Profile(), 2**20)


def test_a_builder_that_does_not_start_is_a_device_error(machine: Machine) -> None:
    def null(*_: object) -> None:
        raise TypeError("pybind11::init(): factory function returned nullptr")

    machine.standin.answers["Builder.__init__"] = null
    with pytest.raises(DeviceError, match="builder does not start"):
        build(b"", Profile(), 2**20)


def test_the_answers_are_the_cpu_s(machine: Machine, cpu: Session) -> None:
    session = Session(device="tensorrt:0", outputs=cpu.outputs)
    assert session.outputs == cpu.outputs
    assert session.dimension == cpu.dimension
    assert session.providers[0].startswith("TensorRT ")
    for batch in (1, 3):
        windows = windows_of(cpu, batch)
        expected = cpu.run(windows, cpu.outputs)
        for name, value in session.run(windows, cpu.outputs).items():
            np.testing.assert_allclose(value, expected[name], atol=1e-5)
    del session
    assert machine.runtime.memory == {}


def test_large_batches_are_cut_to_the_profile(machine: Machine, cpu: Session, tmp_path: Path) -> None:
    path = tmp_path / "small.engine"
    write_engine(find_model(None), path, GPU, Profile(2, 2, 3))
    session = Session(path, device="tensorrt:0")
    assert session.card == cpu.card
    windows = windows_of(cpu, 7)
    expected = cpu.run(windows, ("embedding",))["embedding"]
    np.testing.assert_allclose(session.run(windows, ("embedding",))["embedding"], expected, atol=1e-5)
    shapes = [shape[0] for _, shape in machine.standin.made("IExecutionContext.set_input_shape")]
    assert shapes == [3, 3, 2, 2]
    with pytest.raises(InputError, match=r"1 windows cannot be cut into batches of 2 to 3.*--batch"):
        session.run(windows[:1], ("embedding",))


@pytest.mark.usefixtures("machine")
def test_threads_do_not_mix_their_batches(cpu: Session) -> None:
    session = Session(device="tensorrt:0", outputs=["embedding"])
    batches = [windows_of(cpu, size) for size in (1, 2, 3, 1, 2, 3)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda windows: session.run(windows, ("embedding",))["embedding"], batches))
    for windows, value in zip(batches, found, strict=True):
        np.testing.assert_allclose(value, cpu.run(windows, ("embedding",))["embedding"], atol=1e-5)


def test_engines_are_built_once(machine: Machine) -> None:
    for _ in range(2):
        Session(device="tensorrt:0", outputs=["reversal"])
    assert machine.builds == 1
    assert [call[0] for call in machine.standin.made("IBuilderConfig.create_timing_cache")] == [b""]
    Session(device="tensorrt:0", outputs=["reversal"], memory=2**21)
    assert machine.builds == 2
    assert machine.standin.made("IBuilderConfig.create_timing_cache")[-1] == [b"timings"]
    assert machine.standin.made("IBuilderConfig.set_memory_pool_limit")[-1][1] == 2**21


def test_an_engine_that_tensorrt_refuses_is_built_anew(machine: Machine, tmp_path: Path) -> None:
    Session(device="tensorrt:0", outputs=["reversal"])
    (path,) = (tmp_path / "cache").rglob("*.engine")
    header, _ = sealed.read(path)
    sealed.write(path, header, b"of another library")
    Session(device="tensorrt:0", outputs=["reversal"])
    assert machine.builds == 2
    assert sealed.read(path)[1].startswith(b"plan:")


def test_engine_files_of_elsewhere_are_refused(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.engine"
    write_engine(find_model(None), path, GPU, Profile())
    with pytest.raises(ModelError, match="device='tensorrt:INDEX'"):
        Session(path)
    with pytest.raises(InputError, match="leave memory out"):
        Session(path, device="tensorrt:0", memory=2**30)
    header, payload = sealed.read(path)
    sealed.write(tmp_path / "refused", header, b"bytes")
    with pytest.raises(ModelError, match="refuses"):
        Session(tmp_path / "refused", device="tensorrt:0")
    sealed.write(tmp_path / "other", {"something": "else"}, payload)
    with pytest.raises(ModelError, match="not an engine of this musicfeat"):
        Session(tmp_path / "other", device="tensorrt:0")
    (tmp_path / "cut").write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"cut.*damaged.*musicfeat-export tensorrt"):
        Session(tmp_path / "cut", device="tensorrt:0")
    monkeypatch.setattr(machine.standin.module, "__version__", "12.0.0")
    with pytest.raises(ModelError, match=r"TensorRT 1[01]\..*here is TensorRT 12\.0\.0 on.*engines do not travel"):
        Session(path, device="tensorrt:0")


def test_bad_models_are_model_errors(machine: Machine, tmp_path: Path) -> None:
    whole = find_model(None).read_bytes()
    for name, content in {"short": whole[:1000], "empty": b"", "plan": b"ftrt" + b"\xff" * 50}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match=name):
            Session(tmp_path / name, device="tensorrt:0")
    with pytest.raises(ModelError, match="asked for"):
        Session(device="tensorrt:0", outputs=["weather"])
    assert machine.builds == 0


def test_failures_of_the_gpu_are_device_errors(machine: Machine, cpu: Session) -> None:
    session = Session(device="tensorrt:0", outputs=["embedding"])
    machine.standin.answers["IExecutionContext.execute_async_v3"] = lambda *_: False
    with pytest.raises(DeviceError, match="cannot run 1 windows"):
        session.run(windows_of(cpu, 1), ("embedding",))
    machine.standin.answers["ICudaEngine.create_execution_context"] = lambda _: None
    with pytest.raises(DeviceError, match="make room"):
        Session(device="tensorrt:0", outputs=["embedding"])


def test_memory_that_is_not_there_is_a_device_error(machine: Machine) -> None:
    machine.runtime.room = 1000
    with pytest.raises(DeviceError, match="CUDA fails: cudaErrorMemoryAllocation"):
        Session(device="tensorrt:0", outputs=["embedding"])


def test_gpus_that_are_not_there_are_device_errors(machine: Machine) -> None:
    with pytest.raises(DeviceError, match=r"no device 'tensorrt:1' here; there is tensorrt:0 \(Played by the CPU\)"):
        Extractor(device="tensorrt:1")
    machine.standin.module.__version__ = "8.6.1"
    with pytest.raises(DeviceError, match="too old"):
        Extractor(device="tensorrt:0")


@pytest.mark.usefixtures("machine")
def test_the_extractor_works_through_it(extractor: Extractor, clip: np.ndarray, rate: int) -> None:
    found = Extractor(device="tensorrt:0", outputs=["reversal"])(clip, sr=rate)
    expected = extractor(clip, sr=rate)
    np.testing.assert_allclose(found.embedding, expected.embedding, atol=1e-5)
    np.testing.assert_allclose(found.reversed, expected.reversed, atol=1e-5)


def test_without_the_library_the_error_says_what_to_install() -> None:
    try:
        import tensorrt  # noqa: F401

        pytest.skip("TensorRT is installed here")
    except ImportError:
        pass
    with pytest.raises(DeviceError, match=r"pip install 'musicfeat\[tensorrt\]'"):
        Extractor(device="tensorrt:0")


@pytest.fixture(scope="module")
def real() -> Session:
    try:
        library.target(GPU)
    except MusicfeatError as error:
        pytest.skip(f"no TensorRT to run on: {error}")
    return Session(device="tensorrt:0")


def test_a_real_engine_gives_the_cpu_s_answers(real: Session) -> None:
    cpu = Session(threads=1)
    for batch in (1, 5, 65):
        windows = windows_of(cpu, batch)
        expected = cpu.run(windows, cpu.outputs)
        for name, value in real.run(windows, cpu.outputs).items():
            np.testing.assert_allclose(value, expected[name], atol=1e-4, err_msg=name)
