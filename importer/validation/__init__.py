"""Rows and rules to tickets and all problems: every row, every problem, in one pass, chunk by chunk."""

from importer.validation.keys import KeyIndex
from importer.validation.rows import Checked, Validator, content_hashes

__all__ = ["Checked", "KeyIndex", "Validator", "content_hashes"]
