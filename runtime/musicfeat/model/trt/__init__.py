"""Models on TensorRT: engines built from ONNX files, kept in files, run on a GPU.

One code path for TensorRT 10 and 11. Networks are strongly typed: the precision of every tensor is what the ONNX
graph says. An engine serves one GPU model, one TensorRT version and one range of batches.
"""
