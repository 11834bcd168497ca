"""`schema`: prints the JSON Schema of the mapping language."""

from __future__ import annotations

import json

from importer.cli.ending import Ending
from importer.mapping.json_schema import mapping_schema


def schema() -> Ending:
    """Print the JSON Schema of the mapping language."""
    return Ending(text=json.dumps(mapping_schema(), indent=2, ensure_ascii=False).split("\n"))
