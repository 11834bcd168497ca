"""Reads CSV and similar text files.

    encoding         the encoding in which the whole file can be read, and the text in it
    utf_without_bom  detects UTF-16 and UTF-32 without a byte order mark
    padding          blank lines before a byte order mark, and padding at the end
    encoding_guess   guesses other encodings by the words in the text
    undecodable      finds the places that can't be decoded
    delimited_file   chooses the delimiter, finds the header, and reads the records below it
    utf8_text        the text as UTF-8, block by block
    record_reader    reads records: many at once with `block_parser`, or one by one with `strict_records`
    dialect_reader   reads records that are not plain CSV; `dialect`, `dialect_detection`

`json_files` also reads its text through `encoding`.
"""
