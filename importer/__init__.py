"""Bulk ticket importer for LeadSquared Service Cloud. `.importlinter` shows which folder may import which."""

__version__ = "0.1.0"
