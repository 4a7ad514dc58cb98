"""What the command line runs: one module for each command that is more than a line."""
