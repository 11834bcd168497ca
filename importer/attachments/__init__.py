"""Cells to files: named, found below one root, and checked. A file is never read here, only looked at.

In ``naming``, what a name in a cell means and under which name the file is sent; in ``place``, where a path really is;
in ``patterns``, which files a pattern stands for; in ``unclaimed``, which files belong to no row; in ``finder``, all of
it for the cells of a row.
"""

from importer.attachments.finder import FAULTY, AttachmentFinder
from importer.attachments.found_files import FileFault, NamedFiles
from importer.attachments.unclaimed import Unclaimed

__all__ = ["FAULTY", "AttachmentFinder", "FileFault", "NamedFiles", "Unclaimed"]
