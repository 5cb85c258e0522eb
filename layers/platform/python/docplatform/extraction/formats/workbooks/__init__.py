"""Workbooks, read sparsely: a cell at the far end of a sheet costs no more than one in its corner.

cells.py           what every reader returns
xlsx.py ods.py     readers of the two XML formats
binary.py          .xls and .xlsb with calamine; compaction.py first moves far cells together
number_format.py   values as a sheet shows them
"""
