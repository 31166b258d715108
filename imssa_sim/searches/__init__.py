"""A search over knobs of a workload for several objectives under constraints, costs first."""
