"""Turn a trained model into one ONNX file, and prove that it is the same model."""
