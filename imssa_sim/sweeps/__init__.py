"""Many runs of one workload over a grid or a list of overrides."""
