"""Every ``import_error_code``, with its meaning and what to do: the one place that README's table is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """``meaning``: what happened, one sentence. ``advice``: what to do, one sentence."""

    meaning: str
    advice: str


CATALOGUE: dict[str, Entry] = {
    # rejected: found in the manifest, never sent
    "missing-key": Entry(
        "The row has no key, so it could not be known again in a later run.",
        "Fill the key column of this row, or name another key in the mapping.",
    ),
    "duplicate-key": Entry(
        "An earlier row of the manifest has the same key.",
        "Give the row a key of its own or remove it; `duplicates: first` lets it take the first row's ticket.",
    ),
    "too-many-cells": Entry(
        "The row has more cells than the header has columns.",
        "Put quotes around the cell that contains the delimiter, or mend the row.",
    ),
    "too-few-cells": Entry(
        "The row has fewer cells than the header has columns.",
        "Mend the row: a line break or a delimiter is probably missing or unquoted.",
    ),
    "missing-value": Entry("A required cell is empty.", "Fill the cell, or give the rule a `default`."),
    "not-allowed": Entry(
        "The value is not one of those that the mapping allows.",
        "Mend the cell, or add the value to `values` or `one_of` in the mapping.",
    ),
    "too-long": Entry(
        "The value is longer than `max_length`.", "Shorten it, or set `on_too_long: truncate` in the mapping."
    ),
    "not-an-integer": Entry("The value is not a whole number.", "Mend the cell: digits only, with an optional sign."),
    "not-a-number": Entry("The value is not a number.", "Mend the cell: digits, with a decimal point if needed."),
    "not-a-boolean": Entry("The value is not a yes or a no.", "Write true or false, yes or no, 1 or 0."),
    "not-a-date": Entry("The value is not a date as the mapping expects it.", "Mend the cell or the rule's `format`."),
    "not-a-datetime": Entry(
        "The value is not a date and time as the mapping expects it.",
        "Mend the cell, the rule's `format` or its `timezone`.",
    ),
    "not-an-email": Entry("The value is not an e-mail address.", "Mend the address."),
    "not-a-phone": Entry("The value is not a phone number.", "Write 6 to 15 digits, with an optional leading +."),
    "not-a-guid": Entry("The value is not a GUID.", "Take the lead's ID from the account, 8-4-4-4-12 hex digits."),
    "bad-text": Entry(
        "The value holds a character that JSON or the account can't carry, such as NUL or half a surrogate pair.",
        "Remove the character from the cell.",
    ),
    "missing-lead": Entry(
        "The ticket names no lead.", "Fill the column of LeadId, LeadDetail.EmailAddress or LeadDetail.Phone."
    ),
    "attachment-missing": Entry("An attachment does not exist.", "Put the file there, or mend the path in the cell."),
    "attachment-outside-root": Entry(
        "An attachment lies outside the attachments' root, directly or through a link.",
        "Move the file below the root, or set `attachments: root` in the mapping.",
    ),
    "attachment-not-a-file": Entry("An attachment is a folder or a device, not a regular file.", "Name a file."),
    "attachment-unreadable": Entry("An attachment can't be read.", "Let the user that runs the import read it."),
    "attachment-empty": Entry("An attachment has no bytes.", "Export the file again, or take it out of the cell."),
    "attachment-too-large": Entry(
        "An attachment is larger than the mapping allows.", "Shrink the file, or raise `max_file_size` in the mapping."
    ),
    "attachment-too-many": Entry(
        "The row names more attachments than the mapping allows.", "Take some out, or raise `max_files` in the mapping."
    ),
    "attachment-type": Entry(
        "The attachment's ending is not one that the mapping allows.",
        "Convert the file, or add its ending to `extensions` in the mapping.",
    ),
    "attachment-bad-name": Entry(
        "An attachment's path holds a character that can't be sent in a file name, such as a line break.",
        "Rename the file.",
    ),
    "spreadsheet-changed": Entry(
        "A cell differs from the manifest only as a spreadsheet changes it: zeros or digits lost, a date rewritten.",
        "Write the cell as it was, with its column formatted as text; or say --accept-edits if it is meant so.",
    ),
    # failed: nothing was made
    "attachment-changed": Entry(
        "An attachment changed or went away after it had been checked; the ticket was not sent.",
        "Leave the files alone while the import runs, then run the same command again.",
    ),
    "refused": Entry(
        "The API answered that it did not make the ticket, and why.",
        "Mend what its reason names, then run the row again.",
    ),
    # unknown: a ticket may have been made
    "no-answer": Entry(
        "The request went out and the connection ended before an answer that tells.",
        "Look in the account whether the ticket is there before the row is sent again.",
    ),
    "answer-timeout": Entry(
        "The request went out whole and no answer came in time.",
        "Look in the account whether the ticket is there; a longer --answer-timeout may help.",
    ),
    "upload-stalled": Entry(
        "The upload stopped moving before its last byte.",
        "Look in the account whether the ticket is there, and at the network.",
    ),
    "server-error": Entry(
        "The server answered with an error that does not tell whether the ticket was made.",
        "Look in the account whether the ticket is there before the row is sent again.",
    ),
    "unclear-answer": Entry(
        "The server's answer could not be understood, so the ticket may have been made.",
        "Look in the account whether the ticket is there before the row is sent again.",
    ),
    "interrupted": Entry(
        "The program ended while the request was under way.",
        "Look in the account whether the ticket is there before the row is sent again.",
    ),
    "not-found": Entry(
        "`resolve` looked for the ticket and did not find it, which does not prove that there is none.",
        "Look in the account, then say so: `resolve RESULTS --set ROW=created:NUMBER` or `--set ROW=pending`.",
    ),
    "ambiguous": Entry(
        "`resolve` found more than one ticket that may be this row's, or one that may be another row's as well.",
        "Look at them in the account, then say which it is: `resolve RESULTS --set ROW=created:NUMBER`.",
    ),
    # pending: not sent, or surely not taken
    "not-reached": Entry("The run ended before this row's turn.", "Run the same command again."),
    "set-pending": Entry(
        "The row was unknown, and a person has decided that it is to be sent again.",
        "Run the manifest again, or `rerun` the results.",
    ),
    "keys-refused": Entry(
        "The account refused the keys.",
        "Check LSQ_ACCESS_KEY and LSQ_SECRET_KEY, that the API is enabled, and the IP whitelist; then run again.",
    ),
    "wrong-url": Entry(
        "The URL is not that of the account's API.",
        "Check LSQ_HOST and LSQ_TENANT_ID, then run again.",
    ),
    "limit-exceeded": Entry(
        "The account's limit was used up by others until the run gave up.", "Run the same command again later."
    ),
    "not-connected": Entry(
        "No connection to the server could be made until the run gave up.",
        "Check the network, the host and the certificate, then run the same command again.",
    ),
}
