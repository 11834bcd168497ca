"""Kills a real process at random moments, again and again; what the stand-in account has recorded is the judge."""
