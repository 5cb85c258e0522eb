"""The commands of ``./dp``. The module itself needs the standard library only: ``./dp`` asks it to explain commands before
their virtual environments exist."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable, Sequence
from pathlib import Path

from cdk.contract import copy_contract
from local import supervisor
from local.alone import claim
from local.settings import DEFAULT_PORT, DEFAULT_REGION_PORTS, ROOT, LocalSettings, load, load_or_make, refused_ports

FOLDER = ROOT / ".local" / "state"
BUSY = "another ./dp up or ./dp reset works on this local cloud; run the command again when that has ended"


def main(words: Sequence[str]) -> int:
    """Runs a command in the environments that it needs."""
    command, rest = words[0], list(words[1:])
    if command != "openapi":  # which writes what is copied
        copy_contract()
    try:
        return COMMANDS[command](rest)
    except BrokenPipeError:  # the reader has ended: ./dp status | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("\ninterrupted; the same command may run again")
        return 130
    except supervisor.CannotStop as error:
        print(error)
        return 1
    except Exception as error:
        if not _is_silence(error):
            raise
        print(
            f"the local cloud does not answer ({type(error).__name__}): it is very busy, or has ended; see ./dp logs --cloud"
        )
        return 1


def _is_silence(error: Exception) -> bool:
    """Whether a request to the local cloud got no answer. (Only now: ``./dp`` reads this module before the packages are there.)"""
    from botocore.exceptions import ConnectionError as NoConnection
    from botocore.exceptions import HTTPClientError
    from requests import RequestException

    return isinstance(error, (NoConnection, HTTPClientError, RequestException, urllib.error.URLError, TimeoutError))


def explain(words: Sequence[str]) -> int | None:
    """Answers what needs no package: the list of commands, the help of one, and a command that does not exist. None is
    any other command. Runs in every Python, before the environments exist."""
    if not words or words[0] in ("help", "-h", "--help"):
        print("docplatform on this machine: ./dp COMMAND\n")
        for name, command in COMMANDS.items():
            print(f"  {name:8} {_summary(command)}")
        print("\n./dp COMMAND --help shows the options of a command.")
        return 0
    if words[0] not in COMMANDS:
        print(f"there is no command '{words[0]}'; there are: {', '.join(COMMANDS)}")
        return 2
    if any(word in ("-h", "--help") for word in words[1:]):
        return COMMANDS[words[0]](["--help"])
    return None


def _summary(command: Callable[[list[str]], int]) -> str:
    return (command.__doc__ or "").partition("\n")[0]


def _parsed(command: str, words: list[str], *options: tuple[tuple[str, ...], dict[str, object]]) -> argparse.Namespace:
    about = COMMANDS.get(command)
    parser = argparse.ArgumentParser(prog=f"./dp {command}", description=_summary(about) if about else None)
    for names, settings in options:
        parser.add_argument(*names, **settings)  # type: ignore[arg-type]
    return parser.parse_args(words)


def up(words: list[str]) -> int:
    """Starts the platform with demo tenants, or brings it up to date."""
    chosen = _parsed(
        "up",
        words,
        (
            ("--port",),
            {
                "type": int,
                "default": os.environ.get("DOCPLATFORM_PORT", DEFAULT_PORT),
                "help": "AWS endpoint; the search server takes the next",
            },
        ),
        (("--region-port",), {"type": int, "default": 8101, "help": "port of the first region; the others follow"}),
        (
            ("--opensearch",),
            {"action": "store_true", "help": "search by a real OpenSearch (Java 17, Maven); kept with the state"},
        ),
    )
    from botocore.exceptions import ClientError

    from local.demo import seed, show
    from local.deploy import DeployFailed, deploy
    from local.synth import synthesize

    started = time.monotonic()
    ports = {region: chosen.region_port + number for number, region in enumerate(DEFAULT_REGION_PORTS)}
    refused = refused_ports(chosen.port, chosen.port + 1, *ports.values())
    if refused or not claim(FOLDER):
        print(refused or BUSY)
        return 2 if refused else 1
    try:
        settings = _settings_of_up(started, chosen, ports)
        if (settings.port, settings.region_ports) != (chosen.port, ports) and any("port" in word for word in words):
            print("the ports stay those of the first start: other ones need ./dp reset first")
        _say(started, "synthesizing the stacks")
        out = synthesize(settings)
        if not supervisor.running(settings):
            _say(started, "starting the local cloud")
            if supervisor.was_killed(settings):
                print("   it was not stopped properly: log lines and metrics of its last run may be lost, nothing else")
            supervisor.start(settings)
        _say(started, "deploying to three regions")
        changed = deploy(settings, out)
        _say(started, f"{len(changed)} stacks deployed" if changed else "every stack is up to date")
        _say(started, "seeding demo tenants")
        tenants = seed(settings)
    except (supervisor.CannotStart, DeployFailed, ClientError, subprocess.CalledProcessError, RuntimeError) as error:
        print(f"\n{error}\n\n./dp logs --cloud shows more; ./dp reset starts from nothing.")
        return 1
    _say(started, "ready\n")
    show(settings, tenants)
    return 0


def _settings_of_up(started: float, chosen: argparse.Namespace, ports: dict[str, int]) -> LocalSettings:
    """Raises CannotStart, and has made nothing then."""
    if chosen.opensearch:
        known = load(FOLDER)
        if known and known.has_run and not known.opensearch:
            raise supervisor.CannotStart(
                "this state's search entries are in the local search server; "
                "./dp reset deletes the state, then ./dp up --opensearch begins with a real OpenSearch"
            )
        _say(started, "looking for Java and OpenSearch (the first time, Maven gets 55 MB)")
        supervisor.check_opensearch()
    return load_or_make(FOLDER, port=chosen.port, region_ports=ports, opensearch=chosen.opensearch)


def _say(started: float, what: str) -> None:
    print(f"{time.monotonic() - started:5.1f} s  {what}", flush=True)


def _running(folder: Path = FOLDER) -> LocalSettings | None:
    settings = load(folder)
    if settings is None or not supervisor.running(settings):
        print("it does not run; start it with ./dp up")
        return None
    return settings


def down(words: list[str]) -> int:
    """Stops the platform. Everything is kept."""
    _parsed("down", words)
    settings = load(FOLDER)
    stopped = bool(settings and supervisor.stop(settings))
    print("stopped; ./dp up continues with the same state" if stopped else "it does not run")
    return 0


def status(words: list[str]) -> int:
    """Prints the addresses, and what is not emulated."""
    _parsed("status", words)
    from local.demo import show, tenants_of

    settings = _running()
    if settings is None:
        return 1
    show(settings, tenants_of(settings))
    return 0


def demo(words: list[str]) -> int:
    """Creates the demo tenants that are missing, and shows how to use them."""
    _parsed("demo", words)
    from local.demo import seed, show

    settings = _running()
    if settings is None:
        return 1
    show(settings, seed(settings))
    return 0


def logs(words: list[str]) -> int:
    """Prints the log lines of functions, or of the emulator."""
    chosen = _parsed(
        "logs",
        words,
        (("--function",), {"help": "one function, such as 'documents'; default: all"}),
        (("--region",), {"default": "us-east-1", "choices": sorted(DEFAULT_REGION_PORTS)}),
        (("--follow",), {"action": "store_true"}),
        (("--cloud",), {"action": "store_true", "help": "the emulator's own log"}),
    )
    from local.logs import print_cloud_log, tail

    if chosen.cloud:
        return print_cloud_log(FOLDER)
    settings = _running()
    if settings is None:
        return 1
    return tail(settings, chosen.region, chosen.function, chosen.follow)


def mails(words: list[str]) -> int:
    """Prints the mails that were sent, the newest at the end."""
    chosen = _parsed(
        "mails",
        words,
        (("--to",), {"default": "", "help": "an address, or a part of one"}),
        (("--last",), {"type": int, "default": 10, "help": "how many; default: 10"}),
    )
    from local.mails import show

    settings = _running()
    return show(settings, to=chosen.to, last=max(chosen.last, 1)) if settings else 1


def job(words: list[str]) -> int:
    """Runs a job at once, or prints all jobs."""
    chosen = _parsed(
        "job",
        words,
        (("name",), {"nargs": "?", "help": "such as 'missed-uploads'; without it all jobs are printed"}),
        (("--region",), {"default": "us-east-1", "choices": sorted(DEFAULT_REGION_PORTS)}),
    )
    settings = _running()
    if settings is None:
        return 1
    from local import jobs

    if chosen.name:
        return jobs.run(settings, chosen.region, chosen.name)
    return jobs.show(settings, chosen.region)


def clock(words: list[str]) -> int:
    """Prints the cloud's time, or moves its clock forward."""
    from local import clock as cloud_clock

    chosen = _parsed(
        "clock",
        words,
        (
            ("--forward",),
            {"type": cloud_clock.duration, "help": "moves the clock: 90s, 15m, 8h, 30d; it never goes back"},
        ),
    )
    settings = _running()
    return cloud_clock.show(settings, forward=chosen.forward) if settings else 1


def traces(words: list[str]) -> int:
    """Prints what requests did, as trees."""
    chosen = _parsed(
        "traces",
        words,
        (
            ("request_id",),
            {"nargs": "?", "default": "", "help": "of a request or a trace; default: the newest ten traces"},
        ),
    )
    settings = load(FOLDER)
    if settings is None:
        print("there is no local cloud; start it with ./dp up")
        return 1
    from local.traces import show

    return show(settings, chosen.request_id)


def reset(words: list[str]) -> int:
    """Stops the platform, and deletes everything."""
    chosen = _parsed("reset", words, (("--yes",), {"action": "store_true", "help": "do not ask"}))
    if not chosen.yes and not _confirmed("This deletes every tenant and document of the local cloud. Go on? [y/N] "):
        print("nothing was deleted")
        return 1
    if not claim(FOLDER):
        print(BUSY)
        return 1
    settings = load(FOLDER)
    if settings:
        supervisor.stop(settings)
    shutil.rmtree(FOLDER, ignore_errors=True)
    print("deleted")
    return 0


def _confirmed(question: str) -> bool:
    try:
        return input(question).lower() == "y"
    except EOFError:  # nobody is there to answer
        print()
        return False


def test(words: list[str]) -> int:
    """Runs the checks and tests. Arguments that are not its own go to pytest, and nothing else is run."""
    if words in (["-h"], ["--help"]):
        print(TEST_HELP)
        return 0
    from local import checks, long_runs

    match words:
        case []:
            return checks.run_all()
        case ["--quick"]:
            return checks.run_quick()
        case ["--long", *options]:
            chosen = _parsed(
                "test --long",
                options,
                (("--fresh",), {"action": "store_true", "help": "forget what has passed, and begin again"}),
                (("--record",), {"action": "store_true", "help": "write the figures into docs/figures.md"}),
            )
            return long_runs.run(fresh=chosen.fresh, record=chosen.record)
        case ["--quick", *more]:
            print(f"./dp test --quick takes no arguments: {' '.join(more)}")
            return 2
        case _:
            return checks.run_pytest(words)


TEST_HELP = """\
./dp test            lint, format, types, import rules and every test
./dp test --quick    the same without tests that need a local cloud or synthesized stacks: less than two minutes
./dp test --long     seeded runs of hours; goes on where an earlier one was interrupted
                     --fresh: begins again; --record: writes the figures into docs/figures.md
./dp test ARGUMENTS  pytest with these arguments, for instance: ./dp test tests/local_cloud -x"""


def lock(words: list[str]) -> int:
    """Writes locks/*.txt from pyproject.toml."""
    _parsed("lock", words)
    from local.lock import lock as write

    write()
    return 0


def openapi(words: list[str]) -> int:
    """Writes the OpenAPI document, ``docs/openapi.json``, from the functions' routes."""
    _parsed("openapi", words)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "layers/platform/python")}
    command = [sys.executable, "-m", "docplatform.http.openapi", str(ROOT / "functions")]
    code = subprocess.call([*command, str(ROOT / "docs/openapi.json")], env=environment)
    if code == 0:
        copy_contract()
    return code


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "up": up,
    "down": down,
    "status": status,
    "demo": demo,
    "logs": logs,
    "mails": mails,
    "traces": traces,
    "job": job,
    "clock": clock,
    "reset": reset,
    "test": test,
    "openapi": openapi,
    "lock": lock,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
