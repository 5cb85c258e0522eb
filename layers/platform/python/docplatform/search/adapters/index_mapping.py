"""Settings and mapping of the index. Only analyzers and filters that OpenSearch Serverless has built in
(docs.opensearch.org/latest/analyzers/character-filters/mapping-character-filter)."""

from __future__ import annotations

from typing import Any

from docplatform.search.normal_form import SEPARATORS

_KEYWORD, _TEXT = {"type": "keyword"}, {"type": "text", "analyzer": "words"}
MAPPING: dict[str, Any] = {
    "settings": {
        "analysis": {
            "char_filter": {
                "separators": {"type": "mapping", "mappings": [f"{each} => \\u0020" for each in SEPARATORS]}
            },
            "analyzer": {
                "words": {
                    "type": "custom",
                    "char_filter": ["separators"],
                    "tokenizer": "standard",
                    "filter": ["lowercase"],
                }
            },
        }
    },
    "mappings": {
        "dynamic": "strict",
        "properties": {
            "tenant_id": _KEYWORD,
            "document_id": _KEYWORD,
            "version_id": _KEYWORD,
            "nodes": _KEYWORD,
            "owners": _KEYWORD,
            "name": _TEXT,
            "name_key": _KEYWORD,
            "title": _TEXT,
            "author": _TEXT,
            "text": _TEXT,
            "content_type": _KEYWORD,
            "file_type": _KEYWORD,
            "state": _KEYWORD,
            "owner": _KEYWORD,
            "size": {"type": "long"},
            "created_at": {"type": "date"},
            "updated_at": {"type": "date"},
        },
    },
}
