// npm oidc-provider for `make interop`:  node oidc_provider.mjs <folder> <port>
//
// The folder holds clients.json, a list of client metadata, and keys.json, the private keys. HUP reads the clients again, USR2
// makes a key and signs with it from then on. What the library keeps in memory outlasts both, but no restart.
// Prints `ready` whenever what was read is in use.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import dns from 'node:dns';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, port] = process.argv.slice(2);
const tools = createRequire(new URL('../../../.tools/package.json', import.meta.url));
const { Provider } = await import(pathToFileURL(tools.resolve('oidc-provider')));

// Names under localhost are this machine (RFC 6761 section 6.3), which not every resolver knows.
const { lookup } = dns;
dns.lookup = (name, ...rest) => lookup(name.endsWith('.localhost') ? '127.0.0.1' : name, ...rest);

const api = 'https://api.example';
const scopes = ['openid', 'offline_access', 'profile', 'email', 'groups'];
const alice = { email: 'alice@example.test', email_verified: true, name: 'Alice Doe', preferred_username: 'alice', groups: ['admins', 'staff'] };
const keysFile = join(folder, 'keys.json');

const keys = () => JSON.parse(readFileSync(keysFile));
function addKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
  writeFileSync(keysFile, JSON.stringify([key, ...(existsSync(keysFile) ? keys() : [])]));
}
if (!existsSync(keysFile)) addKey();

const configuration = () => ({
  clients: JSON.parse(readFileSync(join(folder, 'clients.json'))),
  jwks: { keys: keys() },
  scopes,
  acrValues: ['mfa'],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'], groups: ['groups'] },
  conformIdTokenClaims: false, // the claims of the scopes go into the ID token as well
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...alice }) }),
  pkce: { required: () => true },
  issueRefreshToken: () => true,
  rotateRefreshToken: () => true,
  loadExistingGrant: async ({ oidc: { client, params, provider, session } }) => {
    if (params.acr_values?.split(' ').includes('mfa')) session.acr = 'mfa';
    const known = session.grantIdFor(client.clientId);
    if (known) return provider.Grant.find(known);
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(scopes.join(' '));
    grant.addResourceScope(api, 'read');
    await grant.save();
    return grant;
  },
  ttl: { AccessToken: (_ctx, _token, { clientId }) => (clientId === 'refresh' ? 10 : 300), IdToken: 3600, RefreshToken: 3600, Session: 3600, Interaction: 600, Grant: 3600 },
  features: {
    devInteractions: { enabled: true },
    backchannelLogout: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'read', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
    },
  },
  // The library's own dispatcher refuses to call loopback addresses.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  cookies: { keys: ['one run of tests'] },
});

let answer;
function use() {
  const provider = new Provider(`http://127.0.0.1:${port}`, configuration());
  for (const event of ['server_error', 'authorization.error', 'grant.error', 'end_session.error', 'backchannel.error']) {
    provider.on(event, (_ctx, error) => console.error(event, error.message, error.error_description ?? ''));
  }
  answer = provider.callback();
  console.log('ready');
}
createServer((request, response) => answer(request, response)).listen(Number(port), '127.0.0.1', use);
process.on('SIGHUP', use);
process.on('SIGUSR2', () => {
  addKey();
  use();
});
