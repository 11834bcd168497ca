"""A far and uneven network on this machine: what the tests and the bench put between a client and a server."""
