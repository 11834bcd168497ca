"""Kills a real process at random moments, and compares its results with the sandbox account."""
