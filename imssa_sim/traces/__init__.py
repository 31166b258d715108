"""Traces of a run for waveform and timeline viewers: VCD, and Perfetto's JSON."""
