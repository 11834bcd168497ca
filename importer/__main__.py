"""``python -m importer`` is ``ticket-importer``."""

from importer.cli import main

if __name__ == "__main__":
    main()
