"""Command line: ``python -m local.search_server --port 9200 --data DIR``.

The server prints one line when it is ready, and serves until it gets SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from local.search_server.api.http_server import SearchServer
from local.search_server.index.catalog import Catalog


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local.search_server", description="OpenSearch Serverless for the local cloud."
    )
    parser.add_argument("--port", type=int, required=True, help="0: a free one")
    parser.add_argument("--data", type=Path, required=True, help="folder of the collections; created if missing")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--refresh-seconds", type=float, default=0.5, help="interval at which searches see new writes")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        catalog = Catalog(options.data, options.refresh_seconds)
    except BlockingIOError:
        print(f"another search server uses {options.data}", file=sys.stderr)
        return 1
    server = SearchServer(options.host, options.port, catalog)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"search server ready on http://{options.host}:{server.port}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    catalog.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
