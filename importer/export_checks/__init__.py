"""Checks of an export against the previous ones: changed keys, renumbered rows, a shrunk or nearly empty file."""
