// Chromium signs in, opens a second tab, signs out and is asked again.
//
//   node browser.mjs CHROMIUM FIRST_URL SECOND_URL NAME
//
// NAME is what the pages show of whoever signed in; its first word in lower case is the user.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const tools = createRequire(new URL('../../.tools/package.json', import.meta.url));
const { chromium } = tools('playwright-core');
const [executablePath, first, second, name] = process.argv.slice(2);
const user = name.split(' ')[0].toLowerCase();

const step = (text) => console.log(text);
const isForm = (page) => page.locator('input[name=login]').count().then((count) => count === 1);

async function signIn(page) {
  await page.goto(first);
  assert.ok(await isForm(page), `asked for a name at ${page.url()}`);
  await page.fill('input[name=login]', user);
  await page.fill('input[name=password]', 'any');
  await page.click('button[type=submit]');
  await page.waitForURL(first);
  assert.match(await page.textContent('body'), new RegExp(name));
}

async function signOut(page) {
  const leave = new URL('/outpost.goauthentik.io/sign_out', first).href;
  // As a link on the page does: a navigation that the page itself starts.
  await page.evaluate((url) => { location.href = url; }, leave);
  await page.waitForURL(/\/session\/end/);
  await page.click('button[name=logout][value=yes]');
  await page.waitForURL(/\/outpost\.goauthentik\.io\/sign_out/);
}

// Names of applications with https lead here, too; their certificates are made by the tests.
const args = ['--no-sandbox', '--disable-dev-shm-usage', '--host-resolver-rules=MAP *.example.com 127.0.0.1'];
const browser = await chromium.launch({ executablePath, args });
try {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  context.setDefaultTimeout(20000);
  const page = await context.newPage();
  step('sign in');
  await signIn(page);

  step('second tab');
  const tab = await context.newPage();
  await tab.goto(second);
  assert.equal(tab.url(), second, 'no detour for a signed-in user');
  assert.match(await tab.textContent('body'), new RegExp(name));

  step('an image on a page of another site cannot sign out');
  const other = await context.newPage();
  const leave = new URL('/outpost.goauthentik.io/sign_out', first).href;
  await other.goto('data:text/html,<title>another site</title>');
  await other.evaluate((url) => new Promise((done) => {
    const image = new Image();
    image.onload = image.onerror = done;
    image.src = url;
  }), leave);
  await page.goto(first);
  assert.match(await page.textContent('body'), new RegExp(name), 'still signed in');

  step('sign out');
  await signOut(page);

  step('asked again, in both tabs');
  await tab.goto(second);
  assert.ok(await isForm(tab), `asked again at ${tab.url()}`);
  await signIn(page);
  step('done');
} finally {
  await browser.close();
}
