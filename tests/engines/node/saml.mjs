// A SAML provider: samlp, with Ann logged in. Argument: {"key": PEM, "cert": PEM, "acs": where to post, "response": sign it too?, "assertion": sign it?}
import { createServer } from 'node:http'
import samlp from 'samlp'

const given = JSON.parse(process.argv[2])
const ann = {
  id: 'ann-at-idp',
  displayName: 'Ann Example',
  name: { givenName: 'Ann', familyName: 'Example' },
  emails: [{ value: 'ann@acme.example' }],
  groups: ['all', 'staff']
}
const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const address = `http://127.0.0.1:${server.address().port}`
  const shared = { issuer: 'urn:example:idp', cert: given.cert, key: given.key }
  const pages = {
    '/metadata': samlp.metadata({ ...shared, redirectEndpointPath: '/sso', postEndpointPath: '/sso' }),
    '/sso': samlp.auth({
      ...shared,
      getUserFromRequest: () => ann,
      getPostURL: (_audience, _request, _http, done) => done(null, given.acs),
      destination: given.acs,
      recipient: given.acs,
      signAssertion: given.assertion,
      signResponse: given.response
    })
  }
  server.on('request', (request, response) => {
    const url = new URL(request.url, address)
    Object.assign(request, { query: Object.fromEntries(url.searchParams), originalUrl: request.url, protocol: 'http' })
    response.set = (name, value) => response.setHeader(name, value)
    response.send = (content) => response.end(String(content))
    const page = pages[url.pathname]
    const fail = (error) => response.writeHead(400).end(String(error?.message))
    page ? page(request, response, fail) : response.writeHead(404).end()
  })
  console.log(JSON.stringify({ issuer: shared.issuer, address }))
})
process.stdin.on('end', () => process.exit(0)).resume()
