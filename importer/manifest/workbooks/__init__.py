"""Reads one sheet as batches of text: calamine reads cells, a scan finds what it omits.

Both run in a separate process with limits, because some files make a library take all memory, panic or abort.

In the importer:
    workbook_file       one sheet as batches of records, received from the process once
    sheet_reader        starts the process with limits, and explains an early end
    process_messages    what both processes send

In the process:
    child_process       answers one request
    opened_sheet        chooses the sheet, checks its header, lists problems of cells
    workbook_sheets     lists and loads sheets with calamine
    sheet_rows          rows as columns of text         cell_text    the text of one cell
    sheet_warnings      warnings about the sheet

The scan:
    xlsx, xlsb, xls, ods    scan a sheet of such a workbook; `xls` and `ods` also make copies that calamine can read
    sheet_facts             their result: errors, formats that pad, formulas without a value, hidden and merged cells
    number_formats          formats of cells: zeros in front (123 shown as 00123), dates
    containers              ZIP archives and OLE2 containers
    xlsx_copies             copies of .xlsx and .xlsb that calamine can read

Rows and columns count from 0 in the scans, and from 1 in messages.
"""
