"""`resolve`: settles unknown rows by tickets found in the account, or by the user's decision; `ledger forget`."""
