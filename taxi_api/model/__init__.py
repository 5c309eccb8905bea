"""Pure prediction: columns in, columns out. Knows numpy, nothing of HTTP or training."""
