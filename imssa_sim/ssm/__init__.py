"""State-space models: families, the linear recurrence that each comes to, its evaluation and codes.

A family (`imssa_sim.ssm.families`) has parameters and says to which recurrence of real numbers they
come in discrete time (`imssa_sim.ssm.recurrence`). All else follows from that recurrence.
"""
