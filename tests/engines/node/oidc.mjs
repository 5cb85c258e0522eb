// An OpenID Connect provider: oidc-provider with its own log-in pages. Argument: {"redirect": URI, "idToken": claims in it?}
import { createServer } from 'node:http'
import Provider from 'oidc-provider'

const { redirect, idToken } = JSON.parse(process.argv[2])
const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const claims = (id) => ({
    sub: id,
    email: `${id}@acme.example`,
    email_verified: true,
    name: 'Ann Example',
    groups: ['all', 'staff']
  })
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'docplatform', client_secret: 'a-client-secret', redirect_uris: [redirect] }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    conformIdTokenClaims: !idToken,
    findAccount: (_, id) => ({ accountId: id, claims: () => claims(id) }),
    pkce: { required: () => true }
  })
  server.on('request', provider.callback())
  console.log(JSON.stringify({ issuer }))
})
process.stdin.on('end', () => process.exit(0)).resume()
