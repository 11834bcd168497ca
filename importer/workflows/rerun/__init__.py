"""`rerun`: previous results of rows, and the comparison of a results file with its manifest and the ledger."""
