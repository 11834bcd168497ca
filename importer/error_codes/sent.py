"""Error codes of rows that were sent, or not reached."""

from __future__ import annotations

from importer.error_codes.error_code import ErrorCode

# There is no ticket.
FAILED = {
    "attachment-changed": ErrorCode(
        "attachment changed before it was sent",
        "An attachment changed or disappeared after it was checked; the ticket was not sent.",
        "Don't change the files while the import runs; then run the same command again.",
        "Another program writes to the folder, such as an unfinished export or a synchronisation. The importer sends "
        "only files that it has checked.",
    ),
    "refused": ErrorCode(
        "refused by the API",
        "The API refused the ticket and gave a reason.",
        "Correct what the reason names, then run the row again.",
        "The account does not know a value, requires another field, or does not let the key write a field. The API's "
        "own words are in `import_error`. A 403 or 404 for single rows, while others become tickets, comes from a "
        "firewall that blocks their text. An error type that you name with `--refusals` is a refusal, too.",
    ),
}

# There may be a ticket.
UNKNOWN = {
    "no-answer": ErrorCode(
        "no answer",
        "The request was sent, and the connection ended before a usable answer.",
        "Check in the account whether the ticket exists before you send the row again.",
        "A proxy, a firewall or the server cut the connection. The ticket may exist, so the row is sent again only if "
        "you ask for it.",
    ),
    "answer-timeout": ErrorCode(
        "no answer in time",
        "The whole request was sent, and no answer came in time.",
        "Check in the account whether the ticket exists; a longer --answer-timeout may help.",
        "The server was slow, or its answer was lost. The ticket may exist, so the row is sent again only if you ask "
        "for it.",
    ),
    "attachment-changed-while-sent": ErrorCode(
        "attachment changed while it was sent",
        "An attachment changed or was replaced while it was being sent, so the request was aborted.",
        "Check in the account whether the ticket exists, and don't change the files while the import runs.",
        "Another program writes to the folder, such as an unfinished export or a synchronisation. The server did not "
        "get the whole request. It has probably created no ticket, but that is not certain.",
    ),
    "upload-stalled": ErrorCode(
        "upload stalled",
        "The upload stalled before its last byte.",
        "Check in the account whether the ticket exists, and check the network.",
        "The network or a proxy stopped forwarding bytes. The server may have created the ticket from what it got, so "
        "the row is sent again only if you ask for it.",
    ),
    "server-error": ErrorCode(
        "server error",
        "The server answered with an error that does not say whether the ticket was created.",
        "Check in the account whether the ticket exists before you send the row again.",
        "A gateway also answers 502 or 503 if it loses the server that is creating the ticket. So the row is sent "
        "again only if you ask for it.",
    ),
    "application-error": ErrorCode(
        "error of the account's application",
        "The account's application answered with an error (type MX…) that does not say whether it created a ticket.",
        "Check in the account whether a row with this error has a ticket; if not, run with --refusals TYPE.",
        "Usually a refusal, such as for a missing mandatory field, but the API's documentation does not say so. With "
        "`--refusals` (or `LSQ_REFUSALS`) you name the types that are refusals: rows with them are `failed`.",
    ),
    "number-twice": ErrorCode(
        "ticket number of another row",
        "The answer has the number or GUID of a ticket that already belongs to another row.",
        "Check in the account whether the row's ticket exists before you send the row again.",
        "A gateway or cache answers instead of the account, or an answer reached the wrong request. The earlier row "
        "keeps the ticket; whether this row has another one is not known. Three such answers in a row stop the run.",
    ),
    "unclear-answer": ErrorCode(
        "unclear answer",
        "The server's answer could not be understood, so the ticket may exist.",
        "Check in the account whether the ticket exists before you send the row again.",
        "A proxy answered instead of the server, or the answer was cut off or had no ID. The ticket may exist all the "
        "same.",
    ),
    "interrupted": ErrorCode(
        "interrupted",
        "The program ended while the request was in flight.",
        "Check in the account whether the ticket exists before you send the row again.",
        "The process was killed, or the machine went down, between the request and its answer. The ledger had "
        "recorded the request before it was sent, so nothing is forgotten.",
    ),
    "not-found": ErrorCode(
        "ticket not found",
        "`resolve` searched for the ticket and did not find it, which does not prove that there is none.",
        "Check in the account, then run `resolve RESULTS --set ROW=created:NUMBER` or `--set ROW=pending`.",
        "The search finds only tickets that the key may read, and the account may show a new ticket late. So only you "
        "can decide that there is none, with `--set`.",
    ),
    "ambiguous": ErrorCode(
        "several matching tickets",
        "`resolve` found several tickets that may be this row's, or one that may also be another row's.",
        "Compare them in the account, then run `resolve RESULTS --set ROW=created:NUMBER` with the right one.",
        "Several tickets match in all fields that can be compared, such as when there is no `key_field` and titles "
        "repeat. A guess could assign someone else's ticket to the row.",
    ),
}

# Not sent, or certainly not accepted.
PENDING = {
    "not-reached": ErrorCode(
        "not reached",
        "The run ended before this row was sent.",
        "Run the same command again.",
        "An error, a limit, an interruption or a rejected row ended the run. Nothing of this row was sent.",
    ),
    "not-selected": ErrorCode(
        "not selected",
        "The row was never sent, and the flags of the run left it out.",
        "Run again without --rows, --where and --sample, or name this row.",
        "A run with one of these flags sends only the rows that they choose.",
    ),
    "set-pending": ErrorCode(
        "set to pending by a user",
        "The row was unknown, and a user decided to send it again.",
        "Run the manifest again, or `rerun` the results.",
        "Someone ran `resolve --set` for this row. If its ticket does exist, sending the row creates a second one.",
    ),
    "keys-refused": ErrorCode(
        "keys refused",
        "The account refused the keys.",
        "Check LSQ_ACCESS_KEY, LSQ_SECRET_KEY, that the API is enabled, and the IP whitelist; then run again.",
        "A key is mistyped or was renewed, its user lost a right, or this machine's address is not on the whitelist. "
        "A 401 stops the run. A 403 stops it if the ledger has no ticket of the account, or if three rows in a row "
        "are refused before the run's first ticket.",
    ),
    "wrong-url": ErrorCode(
        "wrong URL",
        "The account's API is not at this URL.",
        "Check LSQ_HOST and LSQ_TENANT_ID, then run again.",
        "The host belongs to another region, the tenant ID to another account, or a proxy redirects the request. The "
        "run stops if the ledger has no ticket of the account, or if three rows in a row are refused before the run's "
        "first ticket.",
    ),
    "limit-exceeded": ErrorCode(
        "limit used up",
        "The account's limit was used up until the run gave up.",
        "Run the same command again later.",
        "Other users and programs share the account's limit, or its daily limit is used up. The account did not "
        "accept the request, so there is no ticket.",
    ),
    "not-connected": ErrorCode(
        "no connection",
        "No connection to the server could be made until the run gave up.",
        "Check the network, the host and the certificate, then run the same command again.",
        "DNS, a firewall, a proxy or a certificate prevents it, or the server is down. Nothing was sent.",
    ),
}
