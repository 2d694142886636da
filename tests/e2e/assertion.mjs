// Verifies an assertion of Gatepost with the library `jose`, as an application would.
//
//   node assertion.mjs JWKS TOKEN ISSUER AUDIENCE SUBJECT
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const tools = createRequire(new URL('../../.tools/package.json', import.meta.url));
const { createLocalJWKSet, jwtVerify } = await import(pathToFileURL(tools.resolve('jose')));
const [jwks, token, issuer, audience, subject] = process.argv.slice(2);

const keys = createLocalJWKSet(JSON.parse(jwks));
const rules = { issuer, audience, algorithms: ['EdDSA'], requiredClaims: ['exp', 'iat', 'sub'] };
const { payload } = await jwtVerify(token, keys, rules);
assert.equal(payload.sub, subject);
assert.deepEqual(payload.groups, ['admins', 'staff']);

const [head, claims, signature] = token.split('.');
const forged = Buffer.from(JSON.stringify({ ...payload, sub: 'eve' })).toString('base64url');
assert.notEqual(forged, claims);
await assert.rejects(jwtVerify(`${head}.${forged}.${signature}`, keys, rules), /signature verification failed/);
await assert.rejects(jwtVerify(token, keys, { ...rules, audience: 'another' }), /aud/);
console.log('verified');
