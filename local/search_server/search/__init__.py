"""Running a search: order, pages, aggregations and highlights."""
