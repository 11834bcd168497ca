"""What the importer costs and how near it comes to the account's limit, beside what one would do otherwise."""
