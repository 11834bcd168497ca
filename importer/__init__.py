"""Bulk ticket importer for LeadSquared Service Cloud.

README.md in this folder describes the layout of the package and the way of one row through it.
"""

__version__ = "0.1.0"
