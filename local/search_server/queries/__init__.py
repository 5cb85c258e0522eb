"""The query DSL: compiles JSON to a tantivy query with the hits of OpenSearch and the scores of Lucene's BM25."""
