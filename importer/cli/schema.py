"""`schema`: prints the JSON Schema of the mapping language."""

from __future__ import annotations

import json

from importer.cli.output import print_line
from importer.mapping.json_schema import mapping_schema


def schema() -> int:
    """Print the JSON Schema of the mapping language."""
    for line in json.dumps(mapping_schema(), indent=2, ensure_ascii=False).split("\n"):
        print_line(line)
    return 0
