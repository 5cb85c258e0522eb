"""The query DSL: JSON → a tantivy query that finds what OpenSearch finds and scores it as Lucene's BM25 does."""
