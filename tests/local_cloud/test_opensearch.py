"""The local cloud with a real OpenSearch: ``./dp up --opensearch``. Tests that need one run where Java and Maven are."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local import cli, java, opensearch, supervisor
from local.aws import client
from local.demo import PASSWORD
from local.settings import HOME, REGIONS, LocalSettings, load, load_or_make
from local.testing import Cloud, _free_ports
from tests.local_cloud.callers import assumed, role

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of the commands, which does not exist yet."""
    monkeypatch.setattr(cli, "FOLDER", tmp_path / "state")
    return cli.FOLDER


@pytest.fixture
def without_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def new_state(folder: Path) -> LocalSettings:
    """A new state with OpenSearch, on free ports."""
    gateway, search, *regions = _free_ports(2 + len(REGIONS))
    ports = dict(zip(REGIONS, regions, strict=True))
    return load_or_make(folder, port=gateway, search_port=search, region_ports=ports, opensearch=True)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# -- what is refused


def test_without_java_up_says_so_and_makes_nothing(
    folder: Path, without_java: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["up", "--opensearch"]) == 1
    assert "a real OpenSearch does not run here: java is not installed" in capsys.readouterr().out
    assert not folder.exists()


def test_a_state_of_opensearch_does_not_start_without_java(folder: Path, without_java: None) -> None:
    settings = new_state(folder)
    with pytest.raises(supervisor.CannotStart, match="java is not installed"):
        supervisor.start(settings)
    assert [each.name for each in folder.iterdir()] == ["settings.json"]


def test_a_node_that_does_not_start_ends_the_cloud(
    folder: Path, without_java: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = new_state(folder)
    monkeypatch.setattr(supervisor, "check_opensearch", lambda: None)  # Java is gone after the check
    with pytest.raises(supervisor.CannotStart, match=r"java is not installed(.|\n)*the cloud ends"):
        supervisor.start(settings)
    assert not supervisor.running(settings)
    assert not any(map(is_open, (settings.port, settings.search_port)))


def test_the_engine_of_a_state_stays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = load_or_make(folder)
    (before.state / "services").mkdir()  # it has run
    assert cli.main(["up", "--opensearch"]) == 1
    assert "search entries are in the local search server" in capsys.readouterr().out
    assert load(folder) == before
    assert not before.opensearch and not load_or_make(folder, opensearch=True).opensearch


def test_a_state_that_has_never_run_takes_the_engine_that_is_asked_for(folder: Path) -> None:
    load_or_make(folder)
    assert load_or_make(folder, opensearch=True).opensearch


def test_a_state_of_an_older_version_has_the_local_search_server(folder: Path) -> None:
    load_or_make(folder)
    stored = json.loads((folder / "settings.json").read_text())
    del stored["opensearch"]
    (folder / "settings.json").write_text(json.dumps(stored))
    settings = load(folder)
    assert settings and not settings.opensearch


# -- with a node


def _free_range(count: int) -> int:
    """The first of ``count`` ports in a row that nobody uses."""
    while True:
        (first,) = _free_ports(1)
        if not any(map(is_open, range(first, first + count))):
            return first


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSettings]:
    """A cloud that ``./dp up --opensearch`` has started."""
    try:
        opensearch.check()
    except java.CannotRun as error:
        pytest.skip(f"no OpenSearch here: {error}")
    folder = tmp_path_factory.mktemp("opensearch") / "state"
    port, region_port = _free_range(2), _free_range(len(REGIONS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "FOLDER", folder)
        assert cli.main(["up", "--opensearch", "--port", str(port), "--region-port", str(region_port)]) == 0
        settings = load(folder)
        assert settings and settings.port == port
        yield settings
        supervisor.stop(settings)


def found(settings: LocalSettings, words: str) -> list[str]:
    """The names of the documents that acme's editor finds over HTTP."""
    port = settings.region_ports[HOME]
    address, headers = f"http://127.0.0.1:{port}/v1", {"Host": f"acme.localhost:{port}"}
    login = {"email": "editor@acme.example", "password": PASSWORD}
    entry = requests.post(f"{address}/auth/login", json=login, headers=headers, timeout=60).json()
    headers["Authorization"] = f"Bearer {entry['access_token']}"
    answer = requests.get(f"{address}/search", params={"q": words}, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return [item["document"]["name"] for item in answer.json()["items"]]


def indexes(settings: LocalSettings) -> dict[str, int]:
    """The node's own indexes, with their numbers of documents."""
    url = f"http://127.0.0.1:{settings.search_port}/_cat/indices?format=json"
    return {each["index"]: int(each["docs.count"]) for each in requests.get(url, timeout=60).json()}


def node_lives(settings: LocalSettings) -> bool:
    """A node holds the lock of its folder as long as it lives."""
    with (settings.state / "opensearch" / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@pytest.mark.engines
def test_a_document_is_found_in_opensearch_and_after_a_stop_and_after_a_kill(
    up: LocalSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert found(up, "termination") == ["Lease Quay Street.pdf"]
    Cloud.eventually(lambda: [count > 0 for count in indexes(up).values()] == [True] * len(REGIONS))
    stored = indexes(up).keys()
    assert not any((up.state / "search").iterdir())  # the folder of the local search server

    assert cli.main(["down"]) == 0
    assert not node_lives(up) and not is_open(up.search_port)
    capsys.readouterr()
    assert cli.main(["up"]) == 0
    assert "search:          a real OpenSearch" in capsys.readouterr().out
    assert (found(up, "termination"), indexes(up).keys()) == (["Lease Quay Street.pdf"], stored)

    [node] = processes(up, "SearchNode.java")
    os.kill(node, signal.SIGSTOP)  # a node that takes its time
    try:
        supervisor.kill(up)
        Cloud.eventually(lambda: not processes(up, "local.opensearch"))
        assert node_lives(up)  # the next start waits for it
    finally:
        os.kill(node, signal.SIGCONT)
    supervisor.start(up)
    assert (found(up, "termination"), indexes(up).keys()) == (["Lease Quay Street.pdf"], stored)


def processes(settings: LocalSettings, program: str) -> list[int]:
    """The processes that run the program on the cloud's indexes."""
    wanted, folder = program.encode(), str(settings.state / "opensearch").encode()
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended
            words = each.read_bytes()
            if wanted in words and folder in words:
                found.append(int(each.parent.name))
    return found


class Collection:
    """A collection whose data policy names one role, and requests that the role signs."""

    def __init__(self, settings: LocalSettings, name: str) -> None:
        self.settings, self.name = settings, name
        self._service = client(settings, "opensearchserverless", HOME)
        encrypted = {"Rules": [{"ResourceType": "collection", "Resource": [f"collection/{name}"]}], "AWSOwnedKey": True}
        self._service.create_security_policy(name=name, type="encryption", policy=json.dumps(encrypted))
        self.id = self._service.create_collection(name=name, type="SEARCH")["createCollectionDetail"]["id"]
        arn = role(settings, f"reader-of-{name}", {"Action": "aoss:APIAccessAll", "Resource": "*"})
        rules = [
            {"ResourceType": kind, "Resource": [f"{kind}/{name}{more}"], "Permission": ["aoss:*"]}
            for kind, more in (("index", "/*"), ("collection", ""))
        ]
        policy = json.dumps([{"Rules": rules, "Principal": [arn]}])
        self._service.create_access_policy(name=name, type="data", policy=policy)
        self.keys = assumed(settings, arn)
        Cloud.eventually(self._is_active)

    def asks(self, method: str, path: str, body: Any = None, keys: tuple[str, ...] | None = None) -> requests.Response:
        url = f"{self.settings.endpoint}/_aoss/{self.id}{path}"
        text = body if isinstance(body, str) else json.dumps(body) if body else ""
        request = AWSRequest(method=method, url=url, data=text)
        request.headers["Content-Type"] = "application/json"
        SigV4Auth(Credentials(*(keys or self.keys)), "aoss", HOME).add_auth(request)
        return requests.request(method, url, data=request.data, headers=dict(request.headers), timeout=60)

    def sees(self, title: str) -> bool:
        query = {"query": {"match": {"title": title}}}
        return bool(self.asks("POST", "/_search", query).json()["hits"]["total"]["value"])

    def goes(self) -> None:
        self._service.delete_collection(id=self.id)

    def _is_active(self) -> bool:
        [about] = self._service.batch_get_collection(ids=[self.id])["collectionDetails"]
        return bool(about["status"] == "ACTIVE")


@pytest.mark.engines
def test_collections_on_one_node_have_indexes_of_their_own_and_callers_of_their_own(up: LocalSettings) -> None:
    before = indexes(up).keys()
    ours, theirs = Collection(up, "ours"), Collection(up, "theirs")
    assert ours.asks("PUT", "/books/_doc/1", {"title": "ours"}).status_code == 201
    lines = [
        {"index": {"_index": "books", "_id": "1"}},
        {"title": "theirs"},
        {"index": {"_index": "maps"}},
        {"title": "map"},
    ]
    done = theirs.asks("POST", "/_bulk", "".join(json.dumps(line) + "\n" for line in lines)).json()
    assert [item["index"]["_index"] for item in done["items"]] == ["books", "maps"]
    Cloud.eventually(lambda: ours.sees("ours") and theirs.sees("theirs") and theirs.sees("map"))
    assert not ours.sees("theirs") and not theirs.sees("ours")
    assert ours.asks("GET", "/books/_doc/1").json()["_source"] == {"title": "ours"}
    assert [each["index"] for each in ours.asks("GET", "/_cat/indices?format=json").json()] == ["books"]
    missing = ours.asks("GET", "/maps/_count")
    assert (missing.status_code, missing.json()["error"]["reason"]) == (404, "no such index [maps]")
    assert ours.asks("POST", "/books/_doc/1?refresh=true", {}).status_code == 400
    assert (ours.asks("POST", "/books/_refresh").status_code, ours.asks("GET", "/*/_search").status_code) == (404, 404)

    assert theirs.asks("GET", "/books", keys=ours.keys).status_code == 403
    assert requests.get(f"{up.endpoint}/_aoss/{ours.id}/books", timeout=60).status_code == 403

    theirs.goes()
    left = indexes(up).keys() - before
    assert len(left) == 1 and ours.sees("ours")
    ours.goes()
    assert indexes(up).keys() == before
