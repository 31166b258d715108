"""One network on many chips: what each takes, and the same with digital parts at one node."""
