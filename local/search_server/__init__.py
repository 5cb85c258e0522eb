"""The part of OpenSearch Serverless that the platform uses, as one process on loopback.

``/<collection>/<OpenSearch path>``: each collection has its own indexes. Documents are kept in SQLite, searched by tantivy, and
found, ordered and scored as OpenSearch does; what OpenSearch Serverless refuses is refused alike, and whatever it can do that
this server cannot is refused with a reason. Nothing is ignored.
"""
