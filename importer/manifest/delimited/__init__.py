"""A text file -> its characters -> its records.

    encoding    bytes -> characters: the encoding in which the whole file can be read, or where it can't
    unmarked    UTF-16 and UTF-32 without a mark
    padding     blank lines before a mark, and padding at the end, which are not of the text
    guess       what else it may be, judged by its words     proof   whether it is, to the last byte
    delimited   characters -> batches: the delimiter, the header, the records below it
    stream      the records, one by one and strictly; many at once as     blocks    where they are proved to be the same

``objects`` reads its text through ``encoding``, too. Nothing here knows what a cell means.
"""
