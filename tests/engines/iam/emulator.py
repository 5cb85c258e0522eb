"""The IAM of the local cloud without the cloud: reads a policy from the first line, and a request from each line that follows. It runs in
the cloud's virtual environment."""

import json
import sys


def main() -> None:
    from ministack.core import iam_evaluator as iam

    from local.cloud.patches import iam_variables

    iam_variables.apply()
    policy = iam.parse_policy_document(json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        given = json.loads(line)
        context = {name.lower(): value for name, value in given["context"].items()}
        tags = {name: context.pop(name) for name in list(context) if name.startswith("aws:principaltag/")}
        request = iam.EvalContext(
            principal_arn=given["principal"],
            principal_type="AssumedRole",
            principal_account=given["principal"].split(":")[4],
            action=given["action"],
            resource_arn=given["resource"],
            region=given["region"],
            service_context=context,
            principal_keys=tags,
        )
        print(iam.evaluate(request, [policy]).decision)


main()
