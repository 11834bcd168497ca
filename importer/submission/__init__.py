"""Sending: which rows are sent, when, and what follows from each answer."""
