"""Options and help of the commands, by what they are for."""
