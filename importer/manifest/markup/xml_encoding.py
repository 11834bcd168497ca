"""Finds the encoding of XML: the one that its declaration names, if it has one."""

from __future__ import annotations

import codecs
import re
from dataclasses import replace
from pathlib import Path

from importer.errors import ManifestError
from importer.manifest.delimited.encoding import Encoding, find_encoding
from importer.manifest.manifest_format import EncodingCertainty

_DECLARATION = re.compile(rb"\s*<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._:-]{0,40})[\"']")
_START_BYTES = 4096


def find_xml_encoding(path: Path, wanted: str | None, file_name: str) -> Encoding:
    """Return the encoding; one that the mapping names wins. Raises ManifestError if the text does not fit it."""
    if wanted is not None:
        return find_encoding(path, wanted, file_name)
    with path.open("rb") as file:
        declared = _DECLARATION.match(file.read(_START_BYTES))
    # Unicode is recognised by itself, and certainly.
    if declared is None or _is_unicode(name := declared[1].decode()):
        return find_encoding(path, None, file_name)
    try:
        encoding = find_encoding(path, name, file_name)
    except ManifestError as error:
        message = error.message.replace("the mapping says so", "its first line says so")
        raise ManifestError(message, hint=error.hint, details=error.details) from None
    return replace(encoding, certainty=EncodingCertainty.CERTAIN)


def _is_unicode(name: str) -> bool:
    try:
        return codecs.lookup(name).name.startswith("utf")
    except LookupError:
        return False
