"""The program ``ticket-importer``, also as ``python -m importer``."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; Ctrl-C ends it without a traceback, also while its modules are loaded."""
    try:
        from importer.cli import main as run_command_line  # noqa: PLC0415 - for the sake of `except`
    except KeyboardInterrupt:
        sys.exit(130)
    run_command_line()


if __name__ == "__main__":
    main()
