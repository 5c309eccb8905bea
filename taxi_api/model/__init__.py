"""Pure prediction: columns in, columns out. Knows numpy and onnxruntime, nothing of HTTP or training."""
