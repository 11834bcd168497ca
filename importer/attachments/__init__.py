"""Finds the attachments that cells name, below one root folder, and checks them. Never reads a file's content.

naming       the path that a cell means, and the name under which the file is sent
location     the real path of a name, with all links followed
patterns     the files that match a pattern such as `scans/*.pdf`
finder       all of this for the cells of a row
unclaimed    the files that belong to no row
"""

from importer.attachments.finder import FAULTY, AttachmentFinder
from importer.attachments.found_files import FileFault, NamedFiles
from importer.attachments.unclaimed import Unclaimed

__all__ = ["FAULTY", "AttachmentFinder", "FileFault", "NamedFiles", "Unclaimed"]
