"""A file per version of the ledger's tables. To add one: copy the last, raise its numbers, and change ``schema``."""
