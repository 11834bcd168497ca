"""Reads XML, tables of web pages, and workbooks of Excel 2003 in XML.

safe_xml        events of an XML text: no entities, bounded sizes
xml_encoding    the encoding that the XML declaration names
record_paths    where in XML the rows are
xml_records     XML -> records
xml_file        records -> batches
table_source    a table with a header row -> batches
xml_workbook    workbooks of Excel 2003 in XML -> tables
html_tables     web pages -> tables
cell_content    the text of a cell of a web page
"""
