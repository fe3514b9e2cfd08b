"""Published taggers as ONNX files that training asks for targets."""
