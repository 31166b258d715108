"""Kernel mappings: how S4D kernels and their recurrence run on the chip, one object each."""
