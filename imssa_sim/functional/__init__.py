"""Values over a Program: the integer golden model and the analog execution."""
