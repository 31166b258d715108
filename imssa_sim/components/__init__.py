"""What a chip is made of: one home per component, for its actions, time, energy and area."""
