"""Reads XML, tables of web pages, and workbooks of Excel 2003 in XML.

safe_xml        events of an XML text: no entities, bounded sizes
record_paths    where in XML the rows are
xml_file        elements -> records -> rows
table_source    a table with a header row -> batches
xml_workbook    workbooks of Excel 2003 in XML -> tables
html_tables     web pages -> tables
"""
