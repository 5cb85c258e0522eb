"""Parts of a PDF beside the text of its pages: annotations.py, files.py (attached files); and order.py, which puts
right-to-left words in reading order."""
