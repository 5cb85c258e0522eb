// A policy in the first line, a request in each that follows; answers Allowed, ImplicitlyDenied, ExplicitlyDenied, or what is wrong.
import { createInterface } from 'node:readline'
import { runSimulation } from '@cloud-copilot/iam-simulate'

let policy
for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line)
  if (policy === undefined) {
    policy = given
    continue
  }
  const { principal, action, resource, context } = given
  const answer = await runSimulation(
    {
      request: { principal, action, resource: { resource, accountId: principal.split(':')[4] }, contextVariables: context },
      identityPolicies: [{ name: 'policy', policy }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  )
  const ignored = answer.result?.ignoredContextKeys?.filter((key) => !key.startsWith('aws:')) ?? []
  console.log(answer.resultType === 'error' ? JSON.stringify(answer.errors) : answer.overallResult + (ignored.length ? ` without ${ignored}` : ''))
}
