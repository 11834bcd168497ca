"""A slow network with jitter on this machine, for tests and the bench."""
