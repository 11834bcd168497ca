"""Reads JSON: an object is a row, and its names are columns.

decoding    one value, with numbers as they are written
documents   JSON Lines, a list or one object after another -> objects
layout      where in the file the rows are
json_file   a first pass for the names, then objects -> rows
"""
