// Chromium opens an application that comes from authentik, a second tab of it, and signs out at authentik.
//
//   node authentik.mjs CHROMIUM FIRST_URL SECOND_URL NAME
//
// authentik signs everybody in without a question; NAME is what the pages show of the user.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const tools = createRequire(new URL('../../.tools/package.json', import.meta.url));
const { chromium } = tools('playwright-core');
const [executablePath, first, second, name] = process.argv.slice(2);

const step = (text) => console.log(text);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
try {
  const context = await browser.newContext();
  context.setDefaultTimeout(20000);
  const page = await context.newPage();
  let visits = 0;
  page.on('request', (request) => { visits += request.url().includes('/application/o/authorize/') ? 1 : 0; });

  step('sign in');
  await page.goto(first);
  assert.equal(page.url(), first);
  assert.match(await page.textContent('body'), new RegExp(name));
  assert.equal(visits, 1, 'one visit to authentik');

  step('second tab');
  const tab = await context.newPage();
  tab.on('request', (request) => assert.ok(request.url().startsWith(new URL(first).origin), request.url()));
  await tab.goto(second);
  assert.match(await tab.textContent('body'), new RegExp(name));

  step('sign out ends at authentik');
  const leave = new URL('/outpost.goauthentik.io/sign_out', first).href;
  await page.evaluate((url) => { location.href = url; }, leave);
  await page.waitForURL(/\/end-session\//);
  assert.match(await page.textContent('body'), /signed out/);
  assert.ok(!page.url().includes('post_logout_redirect_uri'), page.url());

  step('asked again');
  await page.goto(first);
  assert.equal(visits, 2, 'authentik is visited again');
  step('done');
} finally {
  await browser.close();
}
