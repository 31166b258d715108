"""The read noise: its law, how its variances are packed, how it is drawn.

A column's noise at one read is one Gaussian, ``sqrt(var_j) * z_j``, with the variance of
`imssa_sim.kernels.read_circuit`: the sum of what all cells on the column contribute, exactly, as
independent Gaussians add up.

`packing` brings the variances into integers of 16 bits where squared codes are integers, so that
their sums are exact in any order. `threefry` derives a key from the coordinates seed, chip, sample,
site and tile; two columns at one step take the two words of a counter (step, column // 2) under
that key, and `normal` turns each word into a standard normal. So the noise is a function of its
coordinates: it depends on no batch, thread or order.
"""
