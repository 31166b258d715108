"""The operations of a network, one file each: integer semantics, actions, MACs and weights."""
