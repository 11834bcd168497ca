"""Reads a manifest file into chunks of rows of text. No cell is interpreted here.

In reading order:

    snapshot         the private copy that a run reads
    archives         unpacks a gzip or ZIP archive
    file_type        what kind of file it is, by its content; `unsupported`: kinds that are refused; `markup_kind`
    manifest         opens the file with the reader of its kind: `delimited/`, `workbooks/`, `json_files/` or `markup/`;
                     `nested/`: records with objects and lists inside
    manifest_format  how the file is read (encoding, delimiter, sheet), and warnings about it
    header           the names of the columns, and titles above them
    records          batches of records, as each reader gives them; `text_column`: the cells of one column as bytes
    chunks           records -> chunks, without blank rows and with problems of structure; `footer`: short last rows
    prefetch         reads the next chunk in a thread
"""
