"""`resolve`: settles unknown rows by looking for their tickets in the account, or by a person's decision."""
