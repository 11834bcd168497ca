"""What each command does, step by step. Workflows print nothing; they emit events."""
