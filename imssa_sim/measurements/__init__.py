"""From measurements of memory cells to a card: reading, fitting with confidence, writing."""
