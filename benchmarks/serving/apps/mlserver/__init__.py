"""MLServer over the same bundle, by the Open Inference Protocol: ``mlserver start benchmarks/serving/apps/mlserver``."""
