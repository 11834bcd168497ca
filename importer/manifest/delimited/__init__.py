"""Reads CSV and similar text files.

    encoding         the encoding in which the whole file can be read, and the text in it
    unicode_signs    byte order marks, UTF-16 and UTF-32 without them, and padding at the end
    encoding_guess   guesses other encodings by the words in the text
    undecodable      finds the places that can't be decoded
    delimited_file   finds the header, and reads the records below it; `delimiter_hint`: unusual delimiters
    utf8_text        the text as UTF-8, block by block
    record_reader    reads records: many at once with `block_parser`, or one by one
    dialect_reader   reads records that are not plain CSV; `dialect`
    dialect_detection    chooses the delimiter, and finds the dialect

`json_files` also reads its text through `encoding`.
"""
