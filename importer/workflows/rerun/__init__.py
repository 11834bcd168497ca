"""`rerun`: what a results file says of its rows, and how it compares with the manifest and the ledger."""
