"""What each command does, step by step. Workflows print nothing; they report to interfaces that `cli` implements."""
