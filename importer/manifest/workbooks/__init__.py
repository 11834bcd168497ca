"""A workbook -> one of its sheets -> batches of text. calamine reads the cells, a scan what it doesn't tell of them.

Both run in a separate process with limits, as some files make a library take all memory, panic or abort.

    source      what the importer sees: batches of records     kept    the rows, read from the process once
    reader      starts the process, and says why it ended      limits  what it may take
    child       the process                                    messages    what passes between both

    workbook    both put together: sheet and header are chosen, cells that can't be sent become problems
    book        calamine, its errors in our terms; the sheet that is meant     foreign_errors    those that it lacks
    sheet       the cells as    grid    columns of text, in blocks
    cells       a stored value as people write it

    scan        goes through a sheet once more, whatever kind of workbook it is in
    sheet_facts what that finds: errors, formats that pad, formulas without a value, what is hidden or merged
    sheet_notes what of it people are told
    styles      the formats of cells     zero_padding    those that show 123 as 00123     days    those of dates
    xlsx        .xlsx and .xlsm     xlsb    .xlsb     xls    .xls     ods    .ods: one scan each
    ooxml       the parts of .xlsx and .xlsb     ole2    the container of an .xls     biff    what .xlsb and .xls share

Rows and columns count from 0 in the scans, and from 1 wherever people are told of them.
"""
