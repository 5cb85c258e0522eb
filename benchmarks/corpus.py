"""Send a folder of real files through the running platform, and count what became of them.

    ./dp up
    python benchmarks/corpus.py FOLDER [--tenant acme] [--email …] [--password …]

Every file is uploaded over HTTP as a client would, then followed until it is ready or failed, searched by a word of its own text
(where it has one) and downloaded again. Printed: counts by type and outcome, the reasons, and whatever was lost or stuck.
"""

from __future__ import annotations

import argparse
import collections
import mimetypes
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers/platform/python")]

from local.testing import running_cloud  # noqa: E402
from tests.e2e.client import Member, create_tenant  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--patience", type=float, default=900)
    chosen = parser.parse_args()
    files = sorted(path for path in chosen.folder.rglob("*") if path.is_file() and path.suffix not in (".tsv", ".md"))
    with running_cloud() as cloud:
        member = create_tenant(cloud, "us-east-1", "enterprise").admin
        started = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            sent = list(pool.map(lambda numbered: _send(member, *numbered), enumerate(files)))
        uploaded = time.monotonic()
        ended = {document_id: _follow(member, document_id, chosen.patience) for document_id, _ in sent}
        finished = time.monotonic()
        same = sum(member.downloads(document_id) == path.read_bytes() for document_id, path in sent)
    outcomes: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for document_id, path in sent:
        outcomes[path.suffix.lstrip(".").lower()][ended[document_id]] += 1
    total: collections.Counter[str] = collections.Counter()
    for kind, counts in sorted(outcomes.items()):
        print(f"{kind:6}", dict(counts.most_common()))
        total += counts
    print(f"{len(sent)} files: {dict(total.most_common())}")
    print(f"same bytes downloaded: {same} of {len(sent)}")
    print(f"uploads {uploaded - started:.0f} s, until the last had ended {finished - started:.0f} s")
    return 0 if same == len(files) and not any(state.startswith("stuck") for state in total) else 1


def _send(member: Member, number: int, path: Path) -> tuple[str, Path]:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return member.uploads(f"{number:03d} {path.name}"[-200:], path.read_bytes(), kind), path


def _follow(member: Member, document_id: str, patience: float) -> str:
    try:
        processing: dict[str, Any] = member.waits_for(document_id, patience=patience)["processing"]
    except AssertionError as error:
        return f"stuck: {error}"
    return "ready" if processing["state"] == "ready" else f"failed: {processing['problem']['code']}"


if __name__ == "__main__":
    sys.exit(main())
