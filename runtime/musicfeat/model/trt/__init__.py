"""Models on TensorRT: engines built from ONNX files, kept in files, run on a GPU.

One code path serves TensorRT 10 and 11. Networks are strongly typed: the ONNX graph sets the precision of every
tensor. An engine serves one GPU model, one TensorRT version and one range of batches.
"""
