"""Turns records with objects and lists inside into rows.

values              objects, and numbers as they are written; their text in a cell
column_tree         objects in objects -> dotted columns
expression_columns  expressions of the mapping -> columns
nested_file         records -> batches of rows
"""
