"""A machine with a GPU, played by the CPU: CUDA's memory is the host's, and engines are ONNX Runtime sessions.

It stands behind the stand-in of TensorRT's bindings, so that the code between a model file and its answers runs
whole: build, cache, load, cut batches, copy, run, copy back. It says nothing of TensorRT itself.
"""

from __future__ import annotations

import ctypes
from enum import IntEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from musicfeat.model.ort import onnxruntime
from support.bindings.standin import StandIn

TYPE_NAMES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class Code(IntEnum):
    """The two codes of ``cudaError_t`` that are needed."""

    cudaSuccess = 0  # noqa: N815
    cudaErrorMemoryAllocation = 2  # noqa: N815


class HostRuntime:
    """``cuda.bindings.runtime``, as far as it is used, in the host's memory."""

    cudaStreamNonBlocking = 1  # noqa: N815
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)  # noqa: N815

    def __init__(self) -> None:
        self.memory: dict[int, Any] = {}
        self.used: list[int] = []
        self.room = 2**40

    def cudaSetDevice(self, device: int) -> tuple[Code]:  # noqa: N802
        self.used.append(device)
        return (Code.cudaSuccess,)

    def cudaStreamCreateWithFlags(self, flags: int) -> tuple[Code, int]:  # noqa: N802
        assert flags == self.cudaStreamNonBlocking
        return Code.cudaSuccess, 77

    def cudaStreamDestroy(self, stream: int) -> tuple[Code]:  # noqa: N802
        assert stream == 77
        return (Code.cudaSuccess,)

    def cudaStreamSynchronize(self, stream: int) -> tuple[Code]:  # noqa: N802
        assert stream == 77
        return (Code.cudaSuccess,)

    def cudaMalloc(self, size: int) -> tuple[Code, int | None]:  # noqa: N802
        if size > self.room:
            return Code.cudaErrorMemoryAllocation, None
        made = ctypes.create_string_buffer(size)
        self.memory[ctypes.addressof(made)] = made
        return Code.cudaSuccess, ctypes.addressof(made)

    def cudaFree(self, devPtr: int) -> tuple[Code]:  # noqa: N802, N803
        del self.memory[devPtr]
        return (Code.cudaSuccess,)

    def cudaMemcpyAsync(self, dst: int, src: int, count: int, kind: int, stream: int) -> tuple[Code]:  # noqa: N802
        there = {1: dst, 2: src}[kind]
        assert stream == 77
        assert count <= len(self.memory[there])
        ctypes.memmove(dst, src, count)
        return (Code.cudaSuccess,)


class Machine:
    """TensorRT's stand-in over ONNX Runtime; ``builds`` counts the engines built."""

    def __init__(self, facts: Path) -> None:
        self.runtime, self.builds = HostRuntime(), 0
        self.parsed = b""
        answers = {
            "nptype": np.dtype,
            "OnnxParser.parse": self._parse,
            "INetworkDefinition.num_inputs": lambda _: 1,
            "INetworkDefinition.get_input": lambda *_: self._input(),
            "ITensor.name": lambda tensor: tensor.label,
            "ITensor.shape": lambda tensor: tensor.sizes,
            "Builder.build_serialized_network": self._build,
            "ITimingCache.serialize": lambda _: self._bytes(b"timings"),
            "Runtime.deserialize_cuda_engine": self._deserialize,
            "ICudaEngine.num_io_tensors": lambda engine: len(engine.tensors),
            "ICudaEngine.get_tensor_name": lambda engine, index: list(engine.tensors)[index],
            "ICudaEngine.get_tensor_shape": lambda engine, name: engine.tensors[name][0],
            "ICudaEngine.get_tensor_dtype": lambda engine, name: engine.tensors[name][1],
            "ICudaEngine.get_tensor_mode": self._mode,
            "ICudaEngine.create_execution_context": self._context,
            "IExecutionContext.set_input_shape": self._set_shape,
            "IExecutionContext.get_tensor_shape": self._shape,
            "IExecutionContext.set_tensor_address": self._set_address,
            "IExecutionContext.execute_async_v3": self._execute,
        }
        self.standin = StandIn(facts, answers)
        assert {"__len__", "__getitem__"} <= set(self.standin.protocols["Dims"]), "tuples stand for Dims"

    @staticmethod
    def _open(onnx: bytes) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])

    def _parse(self, _: Any, model: bytes) -> bool:
        self.parsed = bytes(model)
        return True

    def _input(self) -> Any:
        (found,) = self._open(self.parsed).get_inputs()
        tensor = self.standin._fresh("ITensor")
        sizes = tuple(-1 if isinstance(size, str) else size for size in found.shape)
        vars(tensor).update(label=found.name, sizes=sizes)
        return tensor

    def _bytes(self, content: bytes) -> Any:
        assert "buffer" in self.standin.protocols["IHostMemory"]
        made = self.standin._fresh("IHostMemory")
        type(made).__bytes__ = lambda memory: memory.content
        vars(made).update(content=content)
        return made

    def _build(self, *_: Any) -> Any:
        self.builds += 1
        return self._bytes(b"plan:" + self.parsed)

    def _deserialize(self, _: Any, serialized_engine: bytes) -> Any:
        if not serialized_engine.startswith(b"plan:"):
            return None
        engine = self.standin._fresh("ICudaEngine")
        session = self._open(serialized_engine.removeprefix(b"plan:"))
        tensors = {
            value.name: (tuple(-1 if isinstance(n, str) else n for n in value.shape), TYPE_NAMES[value.type])
            for value in (*session.get_inputs(), *session.get_outputs())
        }
        incoming = {value.name for value in session.get_inputs()}
        vars(engine).update(session=session, incoming=incoming, tensors=tensors)
        return engine

    def _mode(self, engine: Any, name: str) -> Any:
        modes = self.standin.classes["TensorIOMode"]
        return modes.INPUT if name in engine.incoming else modes.OUTPUT  # type: ignore[attr-defined]

    def _context(self, engine: Any) -> Any:
        context = self.standin._fresh("IExecutionContext")
        vars(context).update(engine_of=engine, addresses={})
        return context

    def _set_shape(self, context: Any, _: str, shape: tuple[int, ...]) -> bool:
        vars(context).update(batch=shape[0])
        return True

    def _shape(self, context: Any, name: str) -> tuple[int, ...]:
        shape, _ = context.engine_of.tensors[name]
        return (context.batch, *shape[1:])

    def _set_address(self, context: Any, name: str, memory: int) -> bool:
        context.addresses[name] = memory
        return True

    def _execute(self, context: Any, _: int) -> bool:
        engine = context.engine_of
        arrays = {name: self._array(context, name) for name in engine.tensors}
        outputs = [name for name in engine.tensors if name not in engine.incoming]
        fed = {name: arrays[name].copy() for name in engine.incoming}
        for name, value in zip(outputs, engine.session.run(outputs, fed), strict=True):
            arrays[name][...] = value
        return True

    def _array(self, context: Any, name: str) -> Any:
        shape, kind = self._shape(context, name), np.dtype(context.engine_of.tensors[name][1])
        size = int(np.prod(shape)) * kind.itemsize
        memory = (ctypes.c_char * size).from_address(context.addresses[name])
        return np.frombuffer(memory, kind).reshape(shape)
