"""`schema`: the mapping language, for editors."""

from __future__ import annotations

import json

from importer.cli.commands import cli
from importer.cli.output import say


@cli.command()
def schema() -> int:
    """Print the JSON Schema of the mapping language.

    With it in a file, an editor checks and explains a mapping that begins with
    `# yaml-language-server: $schema=FILE`.
    """
    from importer.mapping.json_schema import mapping_schema  # noqa: PLC0415 - see the package's docstring

    for line in json.dumps(mapping_schema(), indent=2, ensure_ascii=False).split("\n"):
        say(line)
    return 0
