"""`schema`: prints the JSON Schema of the mapping language."""

from __future__ import annotations

import json

import click

from importer.cli.output import print_line


@click.command()
def schema() -> int:
    """Print the JSON Schema of the mapping language.

    Save it to a file and begin a mapping with
    `# yaml-language-server: $schema=FILE`: an editor then completes and checks the mapping.
    """
    from importer.mapping.json_schema import mapping_schema

    for line in json.dumps(mapping_schema(), indent=2, ensure_ascii=False).split("\n"):
        print_line(line)
    return 0
