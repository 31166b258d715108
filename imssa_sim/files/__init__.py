"""Files that the user gives or the package brings: where they are, and YAML with positions."""
