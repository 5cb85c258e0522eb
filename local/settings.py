"""The folder of the local cloud, and the ports that it listens on."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ACCOUNT = "111111111111"
REGIONS = ("us-east-1", "eu-central-1", "ap-southeast-1")
HOME = "us-east-1"
DEFAULT_PORT = 4566
DEFAULT_REGION_PORTS = {"us-east-1": 8101, "eu-central-1": 8102, "ap-southeast-1": 8103}
CLOUD_PYTHON = ROOT / ".local" / "cloud-venv" / ("Scripts" if os.name == "nt" else "bin") / "python"


@dataclass(frozen=True)
class LocalSettings:
    """One local cloud: its folder, its ports (region → port), its root user's credentials, and what serves its search: a
    real OpenSearch, or else the local search server."""

    folder: str
    port: int
    search_port: int
    region_ports: dict[str, int]
    root_key: str
    root_secret: str
    opensearch: bool = False

    @property
    def state(self) -> Path:
        return Path(self.folder)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def has_run(self) -> bool:
        """Whether a start got as far as the cloud's process. What was deployed since contains the addresses."""
        return (self.state / "services").exists()

    def address(self, region: str, tenant: str = "{tenant}") -> str:
        return f"http://{tenant}.localhost:{self.region_ports[region]}"

    def save(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        unfinished = self.state / "settings.json.new"
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(asdict(self), indent=1))
        unfinished.replace(self.state / "settings.json")


def refused_ports(*ports: int) -> str:
    """Why these ports cannot be those of one local cloud; empty where they can."""
    if not all(1 <= port <= 65_535 for port in ports):
        return "ports are numbers from 1 to 65535, and the search server and each region need one of their own"
    twice = sorted({port for port in ports if ports.count(port) > 1})
    return f"port {twice[0]} would have two uses; the search server takes the port after --port" if twice else ""


def load(folder: Path) -> LocalSettings | None:
    file = folder / "settings.json"
    if not file.exists():
        return None
    return LocalSettings(**{**json.loads(file.read_text()), "folder": str(folder)})  # the folder may have been moved


def load_or_make(
    folder: Path,
    *,
    port: int = DEFAULT_PORT,
    search_port: int | None = None,
    region_ports: dict[str, int] | None = None,
    opensearch: bool = False,
) -> LocalSettings:
    """The settings of an earlier start, because deployed resources contain the addresses, and only the engine of the search
    that was chosen has its entries; otherwise new ones."""
    known = load(folder)
    if known and known.has_run:
        return known
    made = LocalSettings(
        folder=str(folder),
        port=port,
        search_port=search_port or port + 1,
        region_ports=region_ports or dict(DEFAULT_REGION_PORTS),
        root_key="AKIA" + secrets.token_hex(8).upper(),
        root_secret=secrets.token_urlsafe(30),
        opensearch=opensearch,
    )
    made.save()
    return made
