"""Local stand-in for OpenSearch Serverless: the part of its API that the platform uses, as one process on loopback.

A request's path is ``/<collection>/<OpenSearch path>``; each collection has its own indexes. Documents are stored in SQLite and
searched by tantivy; hits, order and scores are those of OpenSearch. A request that OpenSearch Serverless refuses gets the same
refusal. A request that only this server cannot serve is refused with a reason. No option is ignored silently.

The folders form one order; each imports only those after it: api, search, queries, index, analysis.
"""
