"""The OpenSearch REST API: HTTP, routes, and the operations on documents, indexes and searches."""
