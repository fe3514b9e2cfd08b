"""Signatures of NVIDIA's own Python bindings of TensorRT, read without the library that they bind.

The package ``tensorrt_cu12_bindings`` (PyPI) holds the compiled bindings; the library proper comes from elsewhere and
is not needed to ask for names and signatures. The bindings load if the nine C functions that they import can be
found, so a C compiler makes libraries of those names that return nothing.

``python tests/support/bindings/signatures.py FOLDER`` prints the facts of the bindings unpacked in FOLDER as JSON;
that is how ``tensorrt-VERSION.json`` beside this file came to be.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CLASSES = (
    "Builder", "BuilderFlag", "Dims", "IBuilderConfig", "ICudaEngine", "IExecutionContext", "IHostMemory", "ILogger",
    "INetworkDefinition", "IOptimizationProfile", "ITensor", "ITimingCache", "MemoryPoolType",
    "NetworkDefinitionCreationFlag", "OnnxParser", "ParserError", "Runtime", "TensorIOMode",
)  # fmt: skip
FUNCTIONS = (
    "createInferBuilder_INTERNAL", "createInferRefitter_INTERNAL", "createInferRuntime_INTERNAL",
    "createNvOnnxParserRefitter_INTERNAL", "createNvOnnxParser_INTERNAL", "getBuilderPluginRegistry",
    "getNvOnnxParserVersion", "getPluginRegistry", "initLibNvInferPlugins",
)  # fmt: skip
LIBRARIES = ("nvinfer", "nvonnxparser", "nvinfer_plugin")
ASK = """
import ctypes, importlib, inspect, json, sys
trt = importlib.import_module(sys.argv[1])
def say(owner, name):
    member = getattr(owner, name)
    if isinstance(vars(owner).get(name), property):
        return "property"
    if type(member).__name__ == owner.__name__:
        return int(member)
    lines = (member.__doc__ or "").splitlines()
    if "Overloaded function." in lines:
        lines = [line.split(". ", 1)[1] for line in lines if line[:1].isdigit() and f"{name}(self" in line]
    return [line.replace(sys.argv[1] + ".tensorrt.", "") for line in lines if line.startswith(name + "(self")]
get_slot = ctypes.pythonapi.PyType_GetSlot
get_slot.restype, get_slot.argtypes, GET_BUFFER = ctypes.c_void_p, [ctypes.py_object, ctypes.c_int], 1
def protocols(owner):
    names = [name for name in ("__len__", "__getitem__", "__int__") if hasattr(owner, name)]
    return names + (["buffer"] if get_slot(owner, GET_BUFFER) else [])
def members(owner):
    names = [n for n in dir(owner) if n == "__init__" or not n.startswith(("_", "add_"))]
    names += ["add_optimization_profile"] if hasattr(owner, "add_optimization_profile") else []
    return {name: say(owner, name) for name in names}
facts = {name: members(getattr(trt, name)) for name in json.loads(sys.argv[2])}
functions = {"nptype": f"nptype{inspect.signature(trt.nptype)}"}
extra = {name: found for name in facts if (found := protocols(getattr(trt, name)))}
said = {"version": trt.__version__, "classes": facts, "functions": functions, "protocols": extra}
print(json.dumps(said, indent=0, sort_keys=True))
"""


def hollow_libraries(folder: Path, major: int) -> None:
    """Libraries of TensorRT's names, whose functions return nothing."""
    source = folder / "hollow.c"
    source.write_text("".join(f"void *{name}(void) {{ return 0; }}\n" for name in FUNCTIONS))
    for library in LIBRARIES:
        file = f"lib{library}.so.{major}"
        command = ["cc", "-shared", "-fPIC", f"-Wl,-soname,{file}", str(source), "-o", str(folder / file)]
        subprocess.run(command, check=True, capture_output=True)


def facts(bindings: Path) -> dict[str, object]:
    """Version, classes and their members, of the folder that holds ``tensorrt_bindings``."""
    (version,) = {path.name.split("-")[1] for path in bindings.glob("tensorrt_*bindings-*.dist-info")}
    with tempfile.TemporaryDirectory() as folder:
        hollow_libraries(Path(folder), int(version.split(".")[0]))
        environment = os.environ | {"LD_LIBRARY_PATH": folder, "PYTHONPATH": str(bindings)}
        command = [sys.executable, "-c", ASK, "tensorrt_bindings", json.dumps(CLASSES)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout)


if __name__ == "__main__":
    print(json.dumps(facts(Path(sys.argv[1])), indent=0, sort_keys=True))
