"""Finds the attachments that cells name, below one root folder, and checks them. Never reads a file's content.

naming         the path that a cell means, and the name under which the file is sent
location       the real path of a name, with all links followed
patterns       the files that match a pattern such as `scans/*.pdf`
cell_values    the names and addresses in a cell
addresses      the parts of web addresses, without their secrets
lock           the files that `fetch` has downloaded, and from which addresses
fetched_files  the same, for the finder
file_checks    whether a named file can be attached
row_files      the files of a cell, and of a row's folder
finder         all files of a row
unclaimed      the files that belong to no row
"""

from importer.attachments.cell_values import CellValue, cell_values
from importer.attachments.finder import FAULTY, AttachmentFinder
from importer.attachments.found_files import FileFault, NamedFiles
from importer.attachments.unclaimed import Unclaimed

__all__ = ["FAULTY", "AttachmentFinder", "CellValue", "FileFault", "NamedFiles", "Unclaimed", "cell_values"]
