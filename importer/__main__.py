"""Make ``python -m importer`` the same as ``ticket-importer``."""

from importer.cli import main

if __name__ == "__main__":
    main()
