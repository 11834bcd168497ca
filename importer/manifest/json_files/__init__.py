"""Reads JSON: an object is a row, and its names are columns.

parsing     JSON Lines, or one list -> objects
json_file   a first pass for the names, then objects -> batches; what can't be a cell becomes a problem
wrapper     refuses objects around the rows
"""
