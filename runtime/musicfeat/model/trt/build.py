"""Serialised engines, built from serialised ONNX models by TensorRT 10 or 11."""

from __future__ import annotations

from typing import Any

from musicfeat.errors import DeviceError, ModelError
from musicfeat.model.engine import INPUT
from musicfeat.model.trt.library import errors, logger, tensorrt
from musicfeat.model.trt.recipe import Profile

Built = tuple[bytes, bytes]
"""The engine, and the timing cache after the build."""


def build(onnx: bytes, profile: Profile, workspace: int, timings: bytes = b"") -> Built:
    """Build an engine for the GPU in use; takes minutes.

    Args:
        onnx: a serialised model with one input ``waveform``, [batch, samples], the batch dynamic.
        profile: the batches that the engine must take.
        workspace: bytes that a layer may take for its intermediate results.
        timings: a timing cache of an earlier build, ignored if it does not fit.

    Raises:
        ModelError: TensorRT cannot build the model, or cannot read it; the message then holds its parser's errors.
        DeviceError: the builder does not start.
    """
    trt = tensorrt()
    try:
        builder = trt.Builder(logger())
    except TypeError as error:  # raised by the bindings for a null builder
        raise DeviceError(f"TensorRT's builder does not start: {errors()}") from error
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger())  # keeps the weights until the engine is built
    if not parser.parse(onnx):
        raise ModelError(f"TensorRT {trt.__version__} cannot read the model: {_parser_errors(parser)}")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)
    # TF32 keeps 10 bits of a product's mantissa: too few for the spectrogram, and results differ from a CPU's.
    config.clear_flag(trt.BuilderFlag.TF32)
    cache = _timing_cache(config, timings)
    _add_profile(builder, network, config, profile)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise ModelError(f"TensorRT {trt.__version__} cannot build the model: {errors()}")
    return bytes(engine), bytes(cache.serialize())


def _parser_errors(parser: Any) -> str:
    found = [parser.get_error(index) for index in range(parser.num_errors)]
    said = [f"{error.node_operator()} {error.node_name()!r}: {error.desc()}" for error in found]
    return "; ".join(said) or errors()


def _timing_cache(config: Any, timings: bytes) -> Any:
    cache = config.create_timing_cache(timings)
    if cache is None or not config.set_timing_cache(cache, False):
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, False)
    return cache


def _add_profile(builder: Any, network: Any, config: Any, profile: Profile) -> None:
    inputs = {network.get_input(index).name: network.get_input(index) for index in range(network.num_inputs)}
    shapes = {name: tuple(tensor.shape) for name, tensor in inputs.items()}
    batch, *samples = shapes.get(INPUT, ())
    if list(shapes) != [INPUT] or batch != -1 or len(samples) != 1 or samples[0] < 1:
        raise ModelError(f"an engine needs one input {INPUT!r} of [dynamic batch, fixed samples], got {shapes}")
    ranges = builder.create_optimization_profile()
    ranges.set_shape(INPUT, (profile.min, *samples), (profile.opt, *samples), (profile.max, *samples))
    if config.add_optimization_profile(ranges) < 0:
        raise ModelError(f"TensorRT refuses batches of {profile.min} to {profile.max}: {errors()}")
