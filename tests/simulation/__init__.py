"""Simulates days of sending in minutes: the real submission and limiter on a simulated clock."""
