"""Error codes of rejected rows."""

from __future__ import annotations

from importer.error_codes.error_code import ErrorCode

# Found by validation; never sent.
REJECTED = {
    "missing-key": ErrorCode(
        "no key",
        "The row has no key, so a later run could not recognise it.",
        "Fill the key column of this row, or name another key in the mapping.",
        "By the key, a later run knows that this row already has a ticket. Without a key, the ticket could be created "
        "twice. A blank line with stray cells or a row of totals at the end of an export looks the same.",
    ),
    "duplicate-key": ErrorCode(
        "repeated key",
        "An earlier row of the manifest has the same key.",
        "Give the row another key or remove it; with `duplicates: first`, it gets the ticket of the first row.",
        "Some exports repeat a ticket for each comment or tag, and combined files can overlap. One key can have only "
        "one ticket.",
    ),
    "too-many-cells": ErrorCode(
        "too many cells",
        "The row has more cells than the header has columns.",
        "Put quotes around the cell that contains the delimiter, or correct the row.",
        "Usually a cell contains a comma, a semicolon or a quote and the export did not put it in quotes, so that "
        "every later cell is shifted by one column. Such a row is never sent.",
    ),
    "too-few-cells": ErrorCode(
        "too few cells",
        "The row has fewer cells than the header has columns.",
        "Correct the row: a delimiter is probably missing, or a line break is not in quotes.",
        "Usually a cell contains a line break and the export did not put it in quotes: the row ends there, and the "
        "rest of it is on the next line.",
    ),
    "cut-off": ErrorCode(
        "file cut off",
        "The last row has no line end, unlike the rows before it: the file may be cut off there.",
        "Export the file again; if the row is complete, run without --strict-end.",
        "A full disk or a broken transfer can cut a file in the middle of the last cell, and half a text looks like a "
        "whole one. The row is rejected only with --strict-end, as many programs write no line end after the last row.",
    ),
    "header-again": ErrorCode(
        "repeated header",
        "The row repeats the header: every cell is the name of its column.",
        "Remove the row and run again; if you remove it from a results file, run with --allow-missing.",
        "Two exports with a header each were combined, or a program repeats the header on every page. As a ticket, "
        "the row would have the names of the columns as its values.",
    ),
    "cell-error": ErrorCode(
        "error in a workbook's cell",
        "A cell of the workbook contains an error such as #N/A or #REF! instead of a value.",
        "Correct the formula or the cells it refers to, or write the value into the cell.",
        "If it were sent, customers would read #N/A. If it were left out, the value would be missing from the ticket "
        "without a notice.",
    ),
    "formula-without-value": ErrorCode(
        "formula without a value",
        "A cell of the workbook contains a formula without a stored value.",
        "Open the workbook in Excel or LibreOffice, save it, and run again.",
        "The program that wrote the workbook did not calculate the formula. A spreadsheet program does so on opening.",
    ),
    "nested-value": ErrorCode(
        "list or object in a cell",
        "A value in the JSON is a list, or an object where other records have a text; the column takes one value.",
        "Give the rule of a list `join` or `pick`, make a column of the part that you need with `manifest: {columns}`, "
        "or list the column under `ignore` in the mapping.",
        "A ticket's field takes one value, and the importer can't know which part of a list or an object to use.",
    ),
    "no-match": ErrorCode(
        "no match for the expression",
        "A cell does not match the regular expression that the mapping gives for it.",
        "Correct the cell, or the expression in the mapping.",
        "A part that the expression does not find would be missing in the ticket, and nobody would notice.",
    ),
    "expression-failed": ErrorCode(
        "expression can't be evaluated",
        "An expression of `manifest: {columns}` can't be evaluated for this record.",
        "Correct the expression in the mapping: its functions take other types than the record has there.",
        "A function such as `length` was called with null or a value of another type.",
    ),
    "half-character": ErrorCode(
        "half a character",
        "A text in the JSON contains half a character, written as an escape such as \\ud83c.",
        "Export the row again, or write the whole character.",
        "A program cut the text in the middle of an emoji. The remaining half can't be written to a file, so the "
        "results have \ufffd in its place.",
    ),
    "name-twice": ErrorCode(
        "repeated name in an object",
        "An object in the JSON has the same name more than once.",
        "Remove all but one of them.",
        "Most programs keep the last value and silently drop the others. The importer can't know which one is right.",
    ),
    "missing-value": ErrorCode(
        "required value is empty",
        "A required cell is empty.",
        "Fill the cell, or give the rule a `default`.",
        "The mapping has `required: true` for this field, often because the account refuses tickets without it. A "
        "cell with only blanks counts as empty.",
    ),
    "not-allowed": ErrorCode(
        "value not allowed",
        "The value is not one of those that the mapping allows.",
        "Correct the cell, or add the value to `values` or `one_of` in the mapping.",
        "The old helpdesk uses other words, other letter case or stray blanks. `validate` counts the different "
        "values, and one line under `values` can correct thousands of rows.",
    ),
    "too-long": ErrorCode(
        "value too long",
        "The value is longer than `max_length`.",
        "Shorten it, or set `on_too_long: truncate` in the mapping.",
        "The account cuts or refuses a value that is longer than its field. A limit in the mapping finds it before "
        "the first call. The limit counts characters, not bytes.",
    ),
    "not-an-integer": ErrorCode(
        "not a whole number",
        "The value is not a whole number.",
        "Correct the cell: digits only, with an optional sign.",
        "The cell contains thousands separators, a decimal point, a unit or a word. Nothing is rounded or guessed.",
    ),
    "not-a-number": ErrorCode(
        "not a number",
        "The value is not a number.",
        "Correct the cell: digits, with the decimal sign and the thousands separator of the rule.",
        "The cell contains a decimal comma, thousands separators, a currency or a word. Nothing is guessed: 1.234 can "
        "be a little more than one, or more than a thousand.",
    ),
    "not-a-boolean": ErrorCode(
        "not yes or no",
        "The value does not mean yes or no.",
        "Write true or false, yes or no, 1 or 0, or one of the words in the rule.",
        "The cell contains a word of another language or a mark such as x. An account would read most of them as no.",
    ),
    "not-a-date": ErrorCode(
        "not a date",
        "The value is not a date in the format that the mapping expects.",
        "Correct the cell or the rule's `format`.",
        "The export has another order of day and month, or several formats in one column. Nothing is guessed: 03/04 "
        "can be in March or in April.",
    ),
    "not-a-datetime": ErrorCode(
        "not a date and time",
        "The value is not a date and time in the format that the mapping expects.",
        "Correct the cell, the rule's `format` or its `timezone`.",
        "The export has another order or no time, or the hour does not exist in the time zone because clocks go "
        "forward. Nothing is guessed, as a shifted time would not be noticed.",
    ),
    "ambiguous-date": ErrorCode(
        "ambiguous date",
        "The value fits several formats of the rule, which give different times.",
        "Write the date in full, such as 2024-08-29, or leave only the right `format` in the mapping.",
        "A rule can list several formats, and two of them can fit the same value. None is preferred, as a swapped day "
        "and month would not be noticed.",
    ),
    "ambiguous-number": ErrorCode(
        "ambiguous number",
        "The point in the value can be a thousands separator or a decimal point.",
        "Write it without a thousands separator; if the cells are stored as numbers, remove `thousands` and `decimal` "
        "from the rule.",
        "Workbooks and JSON store numbers with a decimal point, so 1.234 is a little more than one as a number, and "
        "can be more than a thousand as a text.",
    ),
    "not-an-email": ErrorCode(
        "not an e-mail address",
        "The value is not an e-mail address.",
        "Correct the address; if the cell has a name, too, add `extract: email` to the rule.",
        "Old helpdesks have names, several addresses or placeholders in this field. Nobody could write to a lead that "
        "is created from it.",
    ),
    "not-a-phone": ErrorCode(
        "not a phone number",
        "The value is not a phone number.",
        "Write 6 to 15 digits, with an optional leading +; if the rule has a `region`, write a valid number of it.",
        "The cell contains an extension, two numbers or a word, or a spreadsheet changed the number to 4.9E+11.",
    ),
    "not-a-guid": ErrorCode(
        "not a GUID",
        "The value is not a GUID.",
        "Copy the lead's ID from the account: 8-4-4-4-12 hex digits.",
        "A LeadId is the account's ID of a lead, not its number, name or address. A ticket with a wrong LeadId would "
        "be refused or would belong to no lead.",
    ),
    "bad-text": ErrorCode(
        "character that can't be sent",
        "The value contains a character that can't be sent, such as NUL or half a surrogate pair.",
        "Remove the character from the cell.",
        "Such characters come from a broken export, or from text that was cut in the middle of an emoji. They would "
        "be lost, or make the whole ticket unreadable.",
    ),
    "not-configured": ErrorCode(
        "value not configured in the account",
        "The value is not one of the account's configured values of this field.",
        "Map it to a configured value under `values`, correct the cell, or add the value in the account.",
        "A select field takes only its configured values, letter by letter. `ticket-importer fields` has read them.",
    ),
    "too-long-for-field": ErrorCode(
        "too long for the account's field",
        "The value is longer than the account's field allows.",
        "Shorten it, or set `max_length` with `on_too_long: truncate` in the mapping.",
        "The account sets this limit for the field. `ticket-importer fields` has read it.",
    ),
    "too-short-for-field": ErrorCode(
        "too short for the account's field",
        "The value is shorter than the account's field requires.",
        "Correct the cell, or lower the field's limit in the account.",
        "The account sets this limit for the field. `ticket-importer fields` has read it.",
    ),
    "out-of-range": ErrorCode(
        "number out of range",
        "The number is outside the range that the account's field allows.",
        "Correct the cell, or widen the field's range in the account.",
        "The account sets this range for the field. `ticket-importer fields` has read it.",
    ),
    "wrong-form-for-field": ErrorCode(
        "wrong form for the account's field",
        "The value does not match the pattern of the account's field.",
        "Correct the cell, or the field's pattern in the account.",
        "The account has a regular expression for this field. It is applied here if all dialects read it the same way.",
    ),
    "missing-lead": ErrorCode(
        "no lead",
        "The ticket names no lead.",
        "Fill the column of LeadId, LeadDetail.EmailAddress or LeadDetail.Phone.",
        "Every ticket belongs to a lead. Without one of these fields the API refuses the ticket, so the call is "
        "wasted.",
    ),
    "attachment-missing": ErrorCode(
        "attachment not found",
        "An attachment does not exist.",
        "Put the file there, or correct the path in the cell.",
        "The files were moved or not exported, or a name differs in letter case, in an accent or by a blank. A ticket "
        "without its file would look complete.",
    ),
    "attachment-outside-root": ErrorCode(
        "attachment outside the root folder",
        "An attachment is outside the attachments' root folder, directly or through a link.",
        "Move the file into the root folder, or set `attachments: root` in the mapping.",
        "Otherwise a cell with `..`, an absolute path or a link could upload any file of this machine.",
    ),
    "attachment-not-a-file": ErrorCode(
        "attachment is not a file",
        "An attachment is a folder or a device, not a regular file.",
        "Name a file.",
        "The cell names a folder, or ends with a separator.",
    ),
    "attachment-unreadable": ErrorCode(
        "attachment can't be read",
        "An attachment can't be read.",
        "Give the user that runs the import the right to read it.",
        "The file belongs to another user, or is on a share that this user may not read.",
    ),
    "attachment-empty": ErrorCode(
        "attachment is empty",
        "An attachment is an empty file.",
        "Export the file again, or remove it from the cell.",
        "An interrupted export or copy leaves such files. Nobody could open them as attachments.",
    ),
    "attachment-too-large": ErrorCode(
        "attachment too large",
        "An attachment is larger than the mapping allows.",
        "Shrink the file, or raise `max_file_size` in the mapping.",
        "The account refuses larger files, but only after the whole upload.",
    ),
    "attachment-too-many": ErrorCode(
        "too many attachments",
        "The row names more attachments than the mapping allows.",
        "Remove some, or raise `max_files` in the mapping.",
        "The account limits the number of files of one ticket. File names that contain the separator look the same.",
    ),
    "attachment-type": ErrorCode(
        "attachment type not allowed",
        "The mapping does not allow the extension of this attachment.",
        "Convert the file, or add its extension to `extensions` in the mapping.",
        "Accounts refuse some types of files, such as programs. The list in the mapping finds them before the upload.",
    ),
    "attachment-url": ErrorCode(
        "web address as an attachment",
        "A cell has a web address instead of the name of a file.",
        "Set `attachments: download` in the mapping and run `ticket-importer fetch`, or name a file in the cell.",
        "The file behind an address can't be checked before the run. It can change, or become a page that asks for a "
        "password.",
    ),
    "attachment-not-fetched": ErrorCode(
        "attachment not fetched",
        "The file behind a web address was not fetched, or has changed since.",
        "Run `ticket-importer fetch` with the same manifest and mapping; its lock file has the error of each address.",
        "`run` reads files from the disk only, so that every file is checked before the first call.",
    ),
    "attachment-required": ErrorCode(
        "required attachment missing",
        "The row has no attachment, but the mapping requires one.",
        "Name a file, put one into the row's folder, or remove `required` from `attachments`.",
        "With `required: true`, a folder that was not exported or a lost cell is noticed.",
    ),
    "attachment-bad-name": ErrorCode(
        "attachment name can't be sent",
        "An attachment's path contains a character that can't be sent in a file name, such as a line break.",
        "Rename the file.",
        "A file's name is part of a header of the request, and such a character would end the header.",
    ),
    "spreadsheet-changed": ErrorCode(
        "cell changed by a spreadsheet",
        "A cell differs from the manifest as if a spreadsheet changed it: lost zeros or digits, a rewritten date.",
        "Run `rerun --restore`, which takes the cell from the manifest; if the change is intended, use --accept-edits.",
        "When a spreadsheet opens a CSV, it reads some IDs as numbers and some texts as dates, and saves them "
        "changed. The ticket would get a value that nobody intended.",
    ),
}
