"""Memory cells: how a conductance is written, how it spreads, drifts, fluctuates and fails."""
