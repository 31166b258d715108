"""The S4D network: parameters, float reference, quantisation."""
