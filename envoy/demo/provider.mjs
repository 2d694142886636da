// The OpenID Provider of the demo and of the end-to-end tests: npm oidc-provider, three users, no password check.
//
//   node provider.mjs '{ "port": 9090, "clients": [{ "client_id": "…", "client_secret": "…",
//                        "redirect_uris": ["…"], "post_logout_redirect_uris": ["…"] }] }'
//
// Prints `provider ready <issuer>` when it listens. Port 0 takes a free one. `"endSession": false` makes it a provider
// without RP-initiated logout, `"tokenDelayMs": 2500` a slow one, and with `"printTokens": true` it says what it hands out.
// `"claims": { "alice": { … } }` gives users further claims, in the scope profile.
// `"appPasswords": { "alice": "…" }` lets programs sign in as authentik does: `grant_type=client_credentials` with user name
// and password and without a client secret, answered with an ID token. With `"audience": "https://…"` its access tokens are
// signed ones (RFC 9068) for that audience.
// `"refreshTokens": true` hands out refresh tokens, each good once, without the consent page that `offline_access` wants shown
// each time; `"tokenSeconds": 5` is how long access and ID tokens last. `"claimsFile": "claims.json"` is read anew for each token:
// `{ "alice": { "groups": [] } }` changes what is said of alice while sessions live. Refreshes are printed as `refreshed <user>`.
// `"mtls": { "port": 9091, "cert": "<PEM>", "key": "<PEM>", "ca": "<PEM>" }` opens a second port for clients with
// `token_endpoint_auth_method: tls_client_auth` and `tls_client_auth_san_dns`, and publishes it in `mtls_endpoint_aliases`.
// `"acr": "mfa"` is the one authentication context class that it knows: a client that asks for it (`acr_values`) gets it, without another
// question.
import { randomBytes } from 'node:crypto';
import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const tools = createRequire(new URL('../../.tools/package.json', import.meta.url));
const { Provider } = await import(pathToFileURL(tools.resolve('oidc-provider')));

const users = {
  alice: { email: 'alice@example.test', email_verified: true, name: 'Alice Doe', preferred_username: 'alice', groups: ['admins', 'staff'] },
  bob: { email: 'bob@example.test', email_verified: true, name: 'Bob Roe', preferred_username: 'bob', groups: ['staff'] },
  carol: { email: 'carol@example.test', email_verified: true, name: 'Carol Poe', preferred_username: 'carol', groups: [] },
};
const scopes = ['openid', 'offline_access', 'profile', 'email', 'groups'];
const settings = JSON.parse(process.argv[2] ?? '{}');
const further = settings.claims ?? {};
for (const [user, claims] of Object.entries(further)) Object.assign(users[user], claims);

// Names under localhost are this machine (RFC 6761 section 6.3), which not every resolver knows: clients of the demo are called there.
const { lookup } = dns;
dns.lookup = (name, ...rest) => lookup(name.endsWith('.localhost') ? '127.0.0.1' : name, ...rest);
const now = (user) => ({ ...users[user], ...(settings.claimsFile ? JSON.parse(readFileSync(settings.claimsFile))[user] : {}) });

const client = (given) => ({
  token_endpoint_auth_method: 'client_secret_basic',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  ...given,
});

// RFC 8705: the endpoints of clients that authenticate with a certificate.
const mtlsEndpoint = (path) => `https://127.0.0.1:${settings.mtls.port}${path}`;
const mtls = settings.mtls && {
  enabled: true,
  tlsClientAuth: true,
  getCertificate: ({ socket }) => socket.getPeerX509Certificate?.()?.toString(),
  certificateAuthorized: ({ socket }) => socket.authorized,
  certificateSubjectMatches: ({ socket }, property, expected) =>
    property === 'tls_client_auth_san_dns' && socket.getPeerX509Certificate().subjectAltName === `DNS:${expected}`,
};

const configuration = {
  acrValues: settings.acr ? [settings.acr] : [],
  clients: (settings.clients ?? []).map(client),
  claims: { openid: ['sub'], profile: ['name', 'preferred_username', ...Object.values(further).flatMap(Object.keys)], email: ['email', 'email_verified'], groups: ['groups'] },
  scopes,
  conformIdTokenClaims: false, // the claims of the scopes go into the ID token as well
  // Its sign-in page takes every login: one that is not listed is a user without claims.
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...now(id) }) }),
  pkce: { required: () => true },
  ...(mtls ? {
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none', 'tls_client_auth'],
    discovery: {
      mtls_endpoint_aliases: {
        token_endpoint: mtlsEndpoint('/token'),
        introspection_endpoint: mtlsEndpoint('/token/introspection'),
        revocation_endpoint: mtlsEndpoint('/token/revocation'),
        userinfo_endpoint: mtlsEndpoint('/me'),
      },
    },
  } : {}),
  // No consent page: a sign-in grants all scopes.
  loadExistingGrant: async ({ oidc: { client, params, provider, session } }) => {
    if (settings.acr && params.acr_values?.split(' ').includes(settings.acr)) session.acr = settings.acr;
    const known = session.grantIdFor(client.clientId);
    if (known) return provider.Grant.find(known);
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(scopes.join(' '));
    if (settings.audience) grant.addResourceScope(settings.audience, 'read');
    await grant.save();
    return grant;
  },
  ...(settings.refreshTokens ? { issueRefreshToken: () => true, rotateRefreshToken: () => true } : {}),
  ttl: { AccessToken: settings.tokenSeconds ?? 300, IdToken: settings.tokenSeconds ?? 3600, RefreshToken: 3600, Session: 3600, Interaction: 600, Grant: 3600 },
  features: {
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: settings.endSession ?? true },
    backchannelLogout: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
    ...(mtls ? { mTLS: mtls } : {}),
    resourceIndicators: {
      enabled: Boolean(settings.audience),
      defaultResource: () => settings.audience,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'read', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
    },
  },
  // The library's own dispatcher refuses to call loopback addresses.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  cookies: { keys: ['not a secret: this provider knows nobody'] },
};

const appPasswordGrant = (provider) => async (ctx, next) => {
  const isForm = ctx.method === 'POST' && ctx.path === '/token' && !ctx.get('authorization');
  if (!isForm) return next();
  const chunks = [];
  for await (const chunk of ctx.req) chunks.push(chunk);
  ctx.req.body = Buffer.concat(chunks).toString(); // for the library, when the form is another grant's
  const form = new URLSearchParams(ctx.req.body);
  if (form.get('grant_type') !== 'client_credentials') return next();
  const client = await provider.Client.find(form.get('client_id') ?? '');
  const user = form.get('username') ?? '';
  const known = Object.hasOwn(settings.appPasswords, user) && settings.appPasswords[user] === form.get('password');
  if (!client || !known) {
    ctx.status = client ? 400 : 401;
    ctx.body = { error: client ? 'invalid_grant' : 'invalid_client' };
    return undefined;
  }
  const token = new provider.IdToken({ sub: user, ...users[user] }, { client });
  token.scope = form.get('scope') ?? 'openid';
  ctx.body = {
    access_token: randomBytes(32).toString('base64url'),
    token_type: 'Bearer',
    expires_in: 300,
    id_token: await token.issue({ use: 'idtoken' }),
  };
  return undefined;
};

// The issuer contains the port, and port 0 is resolved only when it is bound: so the server is bound before the
// provider is created.
let answer;
let tlsServer;
const server = createServer((request, response) => answer(request, response));
server.listen(settings.port ?? 9090, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  if (settings.tokenDelayMs) {
    provider.use(async (ctx, next) => {
      if (ctx.path === '/token') {
        console.log('token request');
        await new Promise((done) => setTimeout(done, settings.tokenDelayMs));
      }
      await next();
    });
  }
  if (Object.keys(settings.appPasswords ?? {}).length) provider.use(appPasswordGrant(provider));
  provider.on('server_error', (_ctx, error) => console.error('provider error', error));
  for (const event of ['authorization.error', 'grant.error', 'end_session.error', 'interaction.error', 'backchannel.error']) {
    provider.on(event, (_ctx, error) => console.error(event, error.message, error.error_description ?? ''));
  }
  if (settings.printTokens) {
    provider.on('grant.success', ({ body }) => {
      for (const name of ['access_token', 'id_token', 'refresh_token']) if (body[name]) console.log(`token ${body[name]}`);
    });
  }
  provider.on('grant.success', ({ oidc }) => {
    if (oidc.params.grant_type === 'refresh_token') console.log(`refreshed ${oidc.entities.Account.accountId}`);
  });
  answer = provider.callback();
  const ready = () => console.log(`provider ready ${issuer}`);
  if (!mtls) return ready();
  const { port, ...certificates } = settings.mtls;
  const options = { ...certificates, requestCert: true, rejectUnauthorized: false };
  tlsServer = createTlsServer(options, answer).listen(port, '127.0.0.1', ready);
  return undefined;
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    server.close();
    server.closeAllConnections();
    tlsServer?.close();
    tlsServer?.closeAllConnections();
    process.exit(0);
  });
}
