"""MLServer over the same bundle, by the Open Inference Protocol."""
