"""Networks of other people's code: read, told apart, proven by their outputs, and stored."""
