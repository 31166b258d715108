"""One run, from a loaded workload to a result; no files and no figures."""
