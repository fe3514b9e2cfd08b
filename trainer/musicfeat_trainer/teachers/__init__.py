"""Published taggers as ONNX files that give training its targets."""
