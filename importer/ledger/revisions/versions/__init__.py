"""One file per schema version. To add one: copy the last, raise its numbers, and change ``schema``."""
