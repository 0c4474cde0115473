"""The commands, each a thin hand around the decisions of the modules above."""
