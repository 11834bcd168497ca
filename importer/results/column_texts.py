"""What the columns and states of results mean, for the sheet of a workbook that explains them."""

from __future__ import annotations

from collections.abc import Mapping

from importer.models import Status

STEPS = (
    "Correct the rows whose import_status is red or yellow. Red cells have the problem as a note: point at the cell.",
    "Change only cells of your own columns, under the blue headers. The import_… columns are needed as they are.",
    "Save the file as a workbook (.xlsx), close it, and run `ticket-importer rerun` with it.",
)
FILTERED = "The sheet shows only the rows that need work. The filter of import_status shows the others."
ONLY_OPEN_ROWS = "This workbook has only the rows that need work. All rows are in {}: keep both files in one folder."

COLUMN_TEXTS: Mapping[str, str] = {
    "import_row": "The number of the row in the manifest, as a spreadsheet counts.",
    "import_key": "The key of the row. A leading apostrophe keeps spreadsheets from reading it as a formula.",
    "import_status": "The state of the row, see below.",
    "import_error": "What is wrong, with the server's reason.",
    "import_hint": "What to do.",
    "import_ticket_id": "The GUID of the ticket.",
    "import_ticket_number": "The number of the ticket.",
    "import_ticket_key": "The number as the account shows it, such as #157.",
    "import_error_code": "What is wrong, as a code; `ticket-importer explain CODE` explains it.",
    "import_attempts": "How often the row was sent.",
    "import_finished_at": "When the row was finished, in UTC.",
    "import_account": "The account.",
    "import_run": "The run that brought the row into this state.",
}
STATUS_TEXTS: Mapping[Status, str] = {
    Status.CREATED: "This run created the ticket. Nothing is left to do.",
    Status.SKIPPED: "An earlier run created the ticket. Nothing is left to do.",
    Status.EXCLUDED: "The mapping leaves the row out. Nothing is left to do.",
    Status.REJECTED: "The row is not valid, and was never sent. Correct it.",
    Status.FAILED: "The account refused the row, or an attachment changed before it could be sent. Correct it.",
    Status.UNKNOWN: "The row was sent, and may be a ticket: run `ticket-importer resolve`, or look in the account.",
    Status.PENDING: "The row was not sent yet. The next run sends it as it is.",
    Status.UNDONE: "The ticket is in the trash.",
}
