"""Reads one sheet as batches of text: calamine reads cells, a scan finds what it omits.

Both run in a separate process with limits, because some files make a library take all memory, panic or abort.

In the importer:
    workbook_file       one sheet as batches of records, received from the process once
    sheet_reader        starts the process and explains an early end
    process_limits      its limits      process_messages    what both processes send

In the process:
    child_process       answers one request
    opened_sheet        chooses the sheet, checks its header, lists problems of cells
    workbook_sheets     lists and loads sheets with calamine
    sheet_rows          rows as blocks of text      grid    one block, as columns      cell_text    one cell
    sheet_warnings      warnings about the sheet

The scan:
    sheet_scan          scans a sheet of any kind: xlsx_scan, xlsb_scan, xls_scan, ods_scan
    sheet_facts         its result: errors, formats that pad, formulas without a value, hidden and merged cells
    xlsx_text_scan      the fast scan of an .xlsx, as text      xlsx_parser_scan    the same with a parser
    cell_styles         formats of cells: zero_padding (123 shown as 00123), date_formats
    ooxml   parts of .xlsx and .xlsb     ole2    the container of an .xls     biff    numbers of .xlsb and .xls

Copies of workbooks that calamine cannot read:
    ooxml_standard_layout   unusual names and encodings      xlsx_unknown_errors    errors such as #SPILL!
    ods_without_indents     indented XML                     xls_code_page          Unicode with another code page
    zip_copy                makes a temporary copy of a ZIP archive

Rows and columns count from 0 in the scans, and from 1 in messages.
"""
