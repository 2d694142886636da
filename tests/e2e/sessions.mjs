// Two browsers of one user: the one ends the session of the other on the page of the user's sessions, and stays signed in.
//
//   node sessions.mjs CHROMIUM URL NAME [FOLDER]
//
// NAME is what the pages show of whoever signed in; its first word in lower case is the user. Pictures of the page are written to
// FOLDER, if it is given.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const tools = createRequire(new URL('../../.tools/package.json', import.meta.url));
const { chromium } = tools('playwright-core');
const [executablePath, first, name, folder] = process.argv.slice(2);
const user = name.split(' ')[0].toLowerCase();
const sessions = new URL('/outpost.goauthentik.io/sessions', first).href;

const step = (text) => console.log(text);
const isForm = (page) => page.locator('input[name=login]').count().then((count) => count === 1);
const buttons = (page) => page.locator('form button').count();

async function signIn(page, address) {
  await page.goto(address);
  assert.ok(await isForm(page), `asked for a name at ${page.url()}`);
  await page.fill('input[name=login]', user);
  await page.fill('input[name=password]', 'any');
  await page.click('button[type=submit]');
  await page.waitForURL(address);
}

async function takePictures(page, title) {
  if (!folder) return;
  for (const width of [360, 1280]) {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 720 });
      await page.screenshot({ path: `${folder}/${title}-${width}-${colorScheme}.png` });
    }
  }
}

const args = ['--no-sandbox', '--disable-dev-shm-usage', '--host-resolver-rules=MAP *.example.com 127.0.0.1'];
const browser = await chromium.launch({ executablePath, args });
try {
  const open = async (locale) => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, locale });
    context.setDefaultTimeout(20000);
    return context.newPage();
  };
  const [here, there] = [await open('en-GB'), await open('de-AT')];
  const problems = [];
  here.on('console', (line) => { if (line.type() === 'error') problems.push(line.text()); });

  step('two browsers sign in, one at the page of the sessions itself');
  await signIn(there, first);
  await signIn(here, sessions);

  step('each page is in the language of its browser');
  assert.equal(await here.getAttribute('html', 'lang'), 'en');
  assert.equal(await here.textContent('h1'), 'Your sessions');
  await there.goto(sessions);
  assert.equal(await there.getAttribute('html', 'lang'), 'de');
  assert.equal(await there.textContent('h1'), 'Ihre Sitzungen');

  step('the page shows both sessions, and fits a narrow screen');
  await here.reload();
  assert.equal(await here.locator('li').count(), 2);
  assert.equal(await buttons(here), 2, 'one for the other session, one for all others');
  await here.setViewportSize({ width: 360, height: 720 });
  const [content, visible] = await here.evaluate(() => [document.body.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(content <= visible, `${content} > ${visible}`);
  await takePictures(here, 'sessions');
  await takePictures(there, 'sitzungen');

  step('one ends the other, and stays');
  await here.click('li form button');
  await here.waitForURL(sessions);
  assert.equal(await here.locator('li').count(), 1);
  assert.equal(await buttons(here), 0);
  await takePictures(here, 'only-this');
  // The provider signs the user in again without a question, so the first answer counts.
  const [answer] = await Promise.all([there.waitForResponse((response) => response.url() === first), there.goto(first)]);
  assert.equal(answer.status(), 302, 'led to the provider');

  step('the current one ends all others');
  await there.context().clearCookies();
  await signIn(there, first);
  await here.reload();
  await here.click('body > form button');
  await here.waitForURL(sessions);
  assert.equal(await here.locator('li').count(), 1);
  await here.goto(first);
  assert.equal(here.url(), first, 'still signed in');

  step('a page that does not exist');
  await here.goto(new URL('/outpost.goauthentik.io/nope', first).href);
  await takePictures(here, 'not-found');
  const styled = problems.filter((text) => /Content Security Policy/.test(text));
  assert.deepEqual(styled, []);
  step('done');
} finally {
  await browser.close();
}
