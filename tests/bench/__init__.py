"""How near the importer comes to the account's limit, beside the script that one would write first."""
