"""The ledger: the database of all tickets, requests and runs. It prevents duplicate tickets and lost rows.

store                entry point: one open ledger; runs, claims, intents and outcomes
rows                 look-ups, rejected rows, rows from results files
records              the values that are stored and read
request_recorder     writes a batch of intents and outcomes
leads_under_way      leads that requests in flight may create
bulk_statements      statements for many rows at once
leases               which runs are alive, and release of the rows of the others
ticket_numbers       detects a ticket number that two rows received
unanswered_requests  requests without a clear answer, and the results of resolving them
request_bodies       erases stored requests when their row is settled
previous_exports     the last export of each manifest, for comparison with the next
results_runs         runs that wrote results files
acknowledgements     rows that a user knows to be bad
forgetting           makes rows new again whose tickets were deleted
host_note, identity  what this host has sent for each account; whether a ledger has it
history              queries about past runs
figures, consistency  `ledger info` and `ledger check`
pruning              `ledger prune`
moving, moved_ledgers  `ledger move`, and the marks of a moved ledger
connection           address, transactions and secret of an open ledger
postgres, server_outage  guards of a ledger on a server; waits for a server that is away
schema, migrations, revisions  the tables, and upgrades of older ledgers
database, opening, sqlite_file, sqlite_copy, permissions, backup  the database itself and its files
"""
