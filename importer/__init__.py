"""Bulk ticket importer for LeadSquared Service Cloud.

The rooms of this package, and what flows between them, are described in README.md under "The house".
"""

__version__ = "0.1.0"
