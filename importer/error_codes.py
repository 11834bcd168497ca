"""Every ``import_error_code`` with its meaning and advice. importer/results/README.md shows the same catalogue."""

from __future__ import annotations

from dataclasses import dataclass

from importer.models import Status


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """``meaning``: what happened. ``advice``: what to do. ``why``: how it comes about, or why it matters.

    Whole sentences; ``meaning`` and ``advice`` are one each, as they are shown beside a row, too.
    """

    meaning: str
    advice: str
    why: str


# Found in the manifest, and never sent.
_REJECTED = {
    "missing-key": ErrorCode(
        "The row has no key, so it could not be known again in a later run.",
        "Fill the key column of this row, or name another key in the mapping.",
        "The key is how a later run knows that this row is a ticket already; without one the ticket could be made "
        "twice. A blank line with stray cells or a totals row at the end of an export looks like this, too.",
    ),
    "duplicate-key": ErrorCode(
        "An earlier row of the manifest has the same key.",
        "Give the row a key of its own or remove it; `duplicates: first` lets it take the first row's ticket.",
        "Exports repeat a ticket for each of its comments or tags, and files that were put together overlap. Only "
        "one of the rows can be the ticket of that key.",
    ),
    "too-many-cells": ErrorCode(
        "The row has more cells than the header has columns.",
        "Put quotes around the cell that contains the delimiter, or mend the row.",
        "Mostly a cell with a comma, a semicolon or a quote in it that the export did not put in quotes, so that "
        "every cell after it is one column off. Such a row is never sent as it stands.",
    ),
    "too-few-cells": ErrorCode(
        "The row has fewer cells than the header has columns.",
        "Mend the row: a line break or a delimiter is probably missing or unquoted.",
        "Mostly a line break inside a cell that the export did not put in quotes: the row ends there, and its rest "
        "stands in the next line.",
    ),
    "cut-off": ErrorCode(
        "The last row has no line end, and the rows before it have one: the file may be cut off there.",
        "Export the file again; if the row is whole, run without --strict-end.",
        "A full disk or a broken transfer cuts a file anywhere, also in the middle of the last cell, and half a text "
        "looks like a whole one. Only --strict-end rejects the row: many programs end a file without a line end.",
    ),
    "header-again": ErrorCode(
        "The row is the header once more: every cell is the name of its column.",
        "Remove it from the manifest and run that again; from a results file, with --allow-missing.",
        "Two exports were put together, each with its header, or a program writes the header anew on every page. It is "
        "no ticket, and would be one with the columns' names as its values.",
    ),
    "cell-error": ErrorCode(
        "A cell of the workbook holds an error such as #N/A or #REF! where a value should be.",
        "Mend the formula or what it refers to, or write the value into the cell.",
        "Sent as it is, customers would read #N/A; left out, the ticket would lack in silence what the cell "
        "should say.",
    ),
    "formula-without-value": ErrorCode(
        "A cell of the workbook holds a formula whose value was never computed and stored.",
        "Open the workbook in Excel or LibreOffice, save it, and run again.",
        "A program wrote the formula and left computing it to the spreadsheet that opens the file next.",
    ),
    "nested-value": ErrorCode(
        "A value in a line of JSON is a list or an object, not one text, number, true, false or null.",
        "Export that field as one text, or list its column under `ignore` in the mapping.",
        "A ticket's field takes one value, and which part of a list or an object is meant only a person can say.",
    ),
    "half-character": ErrorCode(
        "A text in a line of JSON holds half a character, written as an escape such as \\ud83c.",
        "Export the row again, or write what is meant into that line.",
        "A program cut the text in the middle of an emoji. No file can hold the half that is left, so \ufffd stands in "
        "its place in the results.",
    ),
    "name-twice": ErrorCode(
        "An object in a line of JSON has the same name more than once.",
        "Leave only one of the two in that line.",
        "Programs that read JSON mostly keep the last value and drop the others in silence; which of them is meant "
        "can't be told.",
    ),
    "missing-value": ErrorCode(
        "A required cell is empty.",
        "Fill the cell, or give the rule a `default`.",
        "The mapping says `required: true` for this field, often because the account refuses tickets without it. "
        "Blanks alone count as empty.",
    ),
    "not-allowed": ErrorCode(
        "The value is not one of those that the mapping allows.",
        "Mend the cell, or add the value to `values` or `one_of` in the mapping.",
        "The old helpdesk has more words, other letter case or stray blanks in it; `validate` counts the different "
        "values, so that one line under `values` can mend thousands of rows.",
    ),
    "too-long": ErrorCode(
        "The value is longer than `max_length`.",
        "Shorten it, or set `on_too_long: truncate` in the mapping.",
        "The account cuts or refuses what is longer than its field; a limit in the mapping shows it before the first "
        "call. Characters are counted, not bytes.",
    ),
    "not-an-integer": ErrorCode(
        "The value is not a whole number.",
        "Mend the cell: digits only, with an optional sign.",
        "Thousands separators, a decimal point, a unit or a word stand in the cell. Nothing is rounded or guessed.",
    ),
    "not-a-number": ErrorCode(
        "The value is not a number.",
        "Mend the cell: digits, with the decimal sign and the thousands sign that the rule has.",
        "A decimal comma, thousands separators, a currency or a word stand in the cell. Nothing is guessed: 1.234 "
        "may be one or a thousand.",
    ),
    "not-a-boolean": ErrorCode(
        "The value is not a yes or a no.",
        "Write true or false, yes or no, 1 or 0, or one of the rule's own words.",
        "The cell holds a word of another language or a mark such as x. An account would take most of them for a no.",
    ),
    "not-a-date": ErrorCode(
        "The value is not a date as the mapping expects it.",
        "Mend the cell or the rule's `format`.",
        "The export has another order of day and month, or cells of several forms in one column. Nothing is guessed, "
        "as 03/04 may be March or April.",
    ),
    "not-a-datetime": ErrorCode(
        "The value is not a date and time as the mapping expects it.",
        "Mend the cell, the rule's `format` or its `timezone`.",
        "The export has another order or no time, or the hour does not exist in the time zone, as when clocks go "
        "forward. Nothing is guessed, as a shifted time would not be noticed.",
    ),
    "ambiguous-date": ErrorCode(
        "The value fits several formats of the rule, and each makes another time of it.",
        "Write the date in full, such as 2024-08-29, or leave only the right `format` in the mapping.",
        "A rule may list several formats, and some values can be read by two of them. None is preferred, as nobody "
        "would notice a day and a month that changed places.",
    ),
    "ambiguous-number": ErrorCode(
        "The value has a point that may stand between thousands or be a decimal point, and no one can tell which.",
        "Write it without the sign between thousands; where the cells are stored as numbers, take `thousands` out.",
        "Workbooks and JSON store numbers with a decimal point whatever they look like, so 1.234 is a little more than "
        "one there and, as a text, more than a thousand.",
    ),
    "not-an-email": ErrorCode(
        "The value is not an e-mail address.",
        "Mend the address.",
        "Old helpdesks keep names, several addresses or placeholders in this field. A lead that is made from it "
        "could never be written to.",
    ),
    "not-a-phone": ErrorCode(
        "The value is not a phone number.",
        "Write 6 to 15 digits, with an optional leading +; with a `region`, a number that can be dialled from abroad.",
        "An extension, two numbers or a word stand in the cell, or a spreadsheet has made 4.9E+11 of the number.",
    ),
    "not-a-guid": ErrorCode(
        "The value is not a GUID.",
        "Take the lead's ID from the account, 8-4-4-4-12 hex digits.",
        "A LeadId is the account's own ID of a lead, not its number, name or address; a ticket with a wrong one "
        "would be refused or belong to nobody.",
    ),
    "bad-text": ErrorCode(
        "The value holds a character that JSON or the account can't carry, such as NUL or half a surrogate pair.",
        "Remove the character from the cell.",
        "Such characters come from a broken export or from cutting text in the middle of an emoji. Sent as they are, "
        "they would be lost or would make the whole ticket unreadable.",
    ),
    "not-configured": ErrorCode(
        "The value is not one that the account has configured for this field.",
        "Map it to a configured value under `values`, mend the cell, or add the value in the account.",
        "A select field takes only its configured values, letter by letter, as `ticket-importer fields` has read them.",
    ),
    "too-long-for-field": ErrorCode(
        "The value is longer than the account's field takes.",
        "Shorten it, or set `max_length` with `on_too_long: truncate` in the mapping.",
        "The limit is the field's own in the account, and was read with `ticket-importer fields`.",
    ),
    "too-short-for-field": ErrorCode(
        "The value is shorter than the account's field demands.",
        "Mend the cell, or lower the field's limit in the account.",
        "The limit is the field's own in the account, and was read with `ticket-importer fields`.",
    ),
    "out-of-range": ErrorCode(
        "The number is outside the range that the account's field takes.",
        "Mend the cell, or widen the field's range in the account.",
        "The range is the field's own in the account, and was read with `ticket-importer fields`.",
    ),
    "wrong-form-for-field": ErrorCode(
        "The value has not the form that the account's field asks for.",
        "Mend the cell, or the field's pattern in the account.",
        "The account has a regular expression for this field, and one that every dialect reads alike is applied here.",
    ),
    "missing-lead": ErrorCode(
        "The ticket names no lead.",
        "Fill the column of LeadId, LeadDetail.EmailAddress or LeadDetail.Phone.",
        "A ticket belongs to a lead. Without one of these fields the API refuses it, so the call would be lost.",
    ),
    "attachment-missing": ErrorCode(
        "An attachment does not exist.",
        "Put the file there, or mend the path in the cell.",
        "The files were moved or not exported, or a name differs in case, in an accent or by a blank. A ticket "
        "without its file would look complete.",
    ),
    "attachment-outside-root": ErrorCode(
        "An attachment lies outside the attachments' root, directly or through a link.",
        "Move the file below the root, or set `attachments: root` in the mapping.",
        "A cell could otherwise have any file of this machine uploaded, with `..`, an absolute path or a link.",
    ),
    "attachment-not-a-file": ErrorCode(
        "An attachment is a folder or a device, not a regular file.",
        "Name a file.",
        "The cell names a folder, or ends in a separator that leaves a folder's name.",
    ),
    "attachment-unreadable": ErrorCode(
        "An attachment can't be read.",
        "Let the user that runs the import read it.",
        "The file belongs to another user, or lies on a share that this user may not read.",
    ),
    "attachment-empty": ErrorCode(
        "An attachment has no bytes.",
        "Export the file again, or take it out of the cell.",
        "An export or a copy that broke off leaves such files; they would arrive as attachments that nobody can open.",
    ),
    "attachment-too-large": ErrorCode(
        "An attachment is larger than the mapping allows.",
        "Shrink the file, or raise `max_file_size` in the mapping.",
        "The account refuses files that are larger than its limit, after the whole upload.",
    ),
    "attachment-too-many": ErrorCode(
        "The row names more attachments than the mapping allows.",
        "Take some out, or raise `max_files` in the mapping.",
        "The account takes only so many files for one ticket; a separator that also stands inside file names can "
        "look like this, too.",
    ),
    "attachment-type": ErrorCode(
        "The attachment's ending is not one that the mapping allows.",
        "Convert the file, or add its ending to `extensions` in the mapping.",
        "Accounts refuse some kinds of files, such as programs. The list in the mapping finds them before the upload.",
    ),
    "attachment-url": ErrorCode(
        "A cell names an attachment by an address on the web.",
        "Download it first, put the file below the attachments' root, and name the file.",
        "What an address gives can't be checked before the run, and may be another file, or a page that asks for a"
        " password, by the time it is sent.",
    ),
    "attachment-required": ErrorCode(
        "The row has no attachment, and the mapping says that every row needs one.",
        "Name a file, put it into the row's folder, or take `required` out of `attachments`.",
        "With `required: true`, a folder that was not exported or a cell that was lost does not pass unnoticed.",
    ),
    "attachment-bad-name": ErrorCode(
        "An attachment's path holds a character that can't be sent in a file name, such as a line break.",
        "Rename the file.",
        "A file's name is part of the request's head, where such a character would end it.",
    ),
    "spreadsheet-changed": ErrorCode(
        "A cell differs from the manifest only as a spreadsheet changes it: zeros or digits lost, a date rewritten.",
        "Write the cell as it was, with its column formatted as text; or say --accept-edits if it is meant so.",
        "Spreadsheets take IDs for numbers and text for dates when a CSV is opened, and save what they made of them. "
        "A ticket would get the changed value without anyone having meant it.",
    ),
}

# Nothing was made.
_FAILED = {
    "attachment-changed": ErrorCode(
        "An attachment changed or went away after it had been checked; the ticket was not sent.",
        "Leave the files alone while the import runs, then run the same command again.",
        "Something else writes to the folder: an export that still runs, or a program that synchronises it. What was "
        "checked would not be what is sent.",
    ),
    "refused": ErrorCode(
        "The API answered that it did not make the ticket, and why.",
        "Mend what its reason names, then run the row again.",
        "A value that the account does not know, a field that it demands, or one that the key may not write. The "
        "API's own words are in `import_error`. A 403 or 404 for single rows, while others become tickets, comes from "
        "a firewall that dislikes their text. An error type that you name with `--refusals` is a refusal, too.",
    ),
}

# A ticket may have been made.
_UNKNOWN = {
    "no-answer": ErrorCode(
        "The request went out and the connection ended before an answer that tells.",
        "Look in the account whether the ticket is there before the row is sent again.",
        "A proxy, a firewall or the server cut the connection. The ticket may have been made before that, so it is "
        "not sent again unasked.",
    ),
    "answer-timeout": ErrorCode(
        "The request went out whole and no answer came in time.",
        "Look in the account whether the ticket is there; a longer --answer-timeout may help.",
        "The server was slow, or its answer was lost on the way. The ticket may have been made, so it is not sent "
        "again unasked.",
    ),
    "attachment-changed-while-sent": ErrorCode(
        "An attachment changed or was replaced while it was being sent, so the request was broken off.",
        "Look in the account whether the ticket is there, and leave the files alone while the import runs.",
        "Something else writes to the folder: an export that still runs, or a program that synchronises it. The server "
        "did not get the whole request and has probably made no ticket, but that is not certain.",
    ),
    "upload-stalled": ErrorCode(
        "The upload stopped moving before its last byte.",
        "Look in the account whether the ticket is there, and at the network.",
        "The network or a proxy stopped passing bytes on. The server may act on what it has, so the row is not sent "
        "again unasked.",
    ),
    "server-error": ErrorCode(
        "The server answered with an error that does not tell whether the ticket was made.",
        "Look in the account whether the ticket is there before the row is sent again.",
        "A gateway answers 502 or 503, too, when it has lost the server that was just making the ticket. So the row "
        "is not sent again unasked.",
    ),
    "application-error": ErrorCode(
        "The account's application answered with an error (its type begins with MX), and not whether it made a ticket.",
        "Look once in the account whether such a row is a ticket; if none is, run with --refusals TYPE.",
        "Mostly a refusal, such as a mandatory field that is missing. Whether nothing was made is documented for no "
        "type. `--refusals` (or `LSQ_REFUSALS`) names the types that you know to be refusals: such rows are `failed`.",
    ),
    "number-twice": ErrorCode(
        "The answer names a ticket that another row has already, by its number or its GUID.",
        "Look in the account whether the row's ticket is there before the row is sent again.",
        "A gateway or cache between here and the account answers in its place, or an answer reached the wrong request. "
        "The earlier row keeps the ticket; nothing proves that there is another one. Three such answers in a row stop "
        "the run.",
    ),
    "unclear-answer": ErrorCode(
        "The server's answer could not be understood, so the ticket may have been made.",
        "Look in the account whether the ticket is there before the row is sent again.",
        "A proxy answered in the server's place, or the answer was cut or had no ID in it. It may stand for a ticket "
        "that was made.",
    ),
    "interrupted": ErrorCode(
        "The program ended while the request was under way.",
        "Look in the account whether the ticket is there before the row is sent again.",
        "The process was killed, or the machine went down, between the request and its answer. The intent was on "
        "disk, so nothing is forgotten.",
    ),
    "not-found": ErrorCode(
        "`resolve` looked for the ticket and did not find it, which does not prove that there is none.",
        "Look in the account, then say so: `resolve RESULTS --set ROW=created:NUMBER` or `--set ROW=pending`.",
        "The search sees only what the key may read, and the account may show a new ticket late. So only a person, "
        "or `--set`, can say that there is none.",
    ),
    "ambiguous": ErrorCode(
        "`resolve` found more than one ticket that may be this row's, or one that may be another row's as well.",
        "Look at them in the account, then say which it is: `resolve RESULTS --set ROW=created:NUMBER`.",
        "Several tickets fit by what can be compared, such as when no `key_field` is set and titles repeat. A guess "
        "could tie the row to someone else's ticket.",
    ),
}

# Not sent, or surely not taken.
_PENDING = {
    "not-reached": ErrorCode(
        "The run ended before this row's turn.",
        "Run the same command again.",
        "An earlier error, a limit, an interruption or a rejected row ended the run first. Nothing of this row was "
        "sent.",
    ),
    "set-pending": ErrorCode(
        "The row was unknown, and a person has decided that it is to be sent again.",
        "Run the manifest again, or `rerun` the results.",
        "`resolve --set` was given for this row. If it was a ticket after all, sending it makes a second one.",
    ),
    "keys-refused": ErrorCode(
        "The account refused the keys.",
        "Check LSQ_ACCESS_KEY and LSQ_SECRET_KEY, that the API is enabled, and the IP whitelist; then run again.",
        "A key was mistyped or renewed, its user lost a right, or this machine's address is not on the list. A 401 "
        "stops the run. A 403 stops it if the ledger has no ticket of the account, or when three rows in a row are "
        "refused before the run's first ticket.",
    ),
    "wrong-url": ErrorCode(
        "The URL is not that of the account's API.",
        "Check LSQ_HOST and LSQ_TENANT_ID, then run again.",
        "The host belongs to another region, the tenant ID is another account's, or a proxy sends the request "
        "elsewhere. The run stops if the ledger has no ticket of the account, or when three rows in a row are refused "
        "before the run's first ticket.",
    ),
    "limit-exceeded": ErrorCode(
        "The account's limit was used up by others until the run gave up.",
        "Run the same command again later.",
        "The account's limit is shared with people and other programs, or its daily cap is used up. The account did "
        "not take the request, so nothing was made.",
    ),
    "not-connected": ErrorCode(
        "No connection to the server could be made until the run gave up.",
        "Check the network, the host and the certificate, then run the same command again.",
        "DNS, a firewall, a proxy or a certificate is in the way, or the server is down. Not one byte went out.",
    ),
}

# By the state of a row that can have the code.
STATES: dict[Status, dict[str, ErrorCode]] = {
    Status.REJECTED: _REJECTED,
    Status.FAILED: _FAILED,
    Status.UNKNOWN: _UNKNOWN,
    Status.PENDING: _PENDING,
}
ERROR_CODES: dict[str, ErrorCode] = {code: entry for entries in STATES.values() for code, entry in entries.items()}
