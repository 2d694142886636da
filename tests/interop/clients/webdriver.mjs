// A browser signs in, opens a second tab, signs out and is asked again: over W3C WebDriver, so that each browser's own driver
// can be asked.
//
//   node webdriver.mjs DRIVER_URL CAPABILITIES FIRST_URL SECOND_URL USER
//
// Prints a line after each part: `signed in`, `signed out`. CAPABILITIES is JSON.
import assert from 'node:assert/strict';

const [driver, capabilities, first, second, user] = process.argv.slice(2);
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
const LIMIT = 60_000;

async function send(method, path, body) {
  const options = { method, headers: { 'content-type': 'application/json' }, signal: AbortSignal.timeout(LIMIT) };
  if (method === 'POST') options.body = JSON.stringify(body ?? {});
  const answer = await fetch(driver + path, options);
  const { value } = await answer.json();
  assert.ok(answer.ok, `${method} ${path}: ${JSON.stringify(value)}`);
  return value;
}

const alwaysMatch = { acceptInsecureCerts: true, pageLoadStrategy: 'normal', ...JSON.parse(capabilities) };
const { sessionId } = await send('POST', '/session', { capabilities: { alwaysMatch } });
const session = (method, path, body) => send(method, `/session/${sessionId}${path}`, body);
const open = (url) => session('POST', '/url', { url });
const address = () => session('GET', '/url');
const run = (script, ...args) => session('POST', '/execute/sync', { script, args });
const text = () => run('return document.body ? document.body.innerText : ""');
const isForm = () => run('return document.querySelectorAll("input[name=login]").length === 1');

async function element(selector) {
  const found = await session('POST', '/element', { using: 'css selector', value: selector });
  return `/element/${found[ELEMENT]}`;
}

const click = async (selector) => session('POST', `${await element(selector)}/click`);
const type = async (selector, typed) => session('POST', `${await element(selector)}/value`, { text: typed });

// Drivers differ in whether a click waits for the page that it leads to. A script may fail while a page is replaced.
async function until(what, condition) {
  const limit = Date.now() + LIMIT;
  let fault;
  while (Date.now() < limit) {
    try {
      if (await condition()) return;
    } catch (error) {
      fault = error;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`not within ${LIMIT} ms: ${what}; at ${await address()}: ${await text()}; ${fault ?? ''}`);
}

async function signIn() {
  await open(first);
  await until('the form of the provider', isForm);
  await type('input[name=login]', user);
  await type('input[name=password]', 'any');
  await click('button[type=submit]');
  await until('the page of the application', async () => (await address()) === first && (await text()).includes(user));
}

try {
  await signIn();
  const { handle } = await session('POST', '/window/new', { type: 'tab' });
  await session('POST', '/window', { handle });
  await open(second);
  assert.equal(await address(), second, 'no detour for a signed-in user');
  assert.ok((await text()).includes(user), await text());
  console.log('signed in');

  // A link of the page itself: Gatepost asks for a confirmation where it does not know who sent the browser.
  await run(
    `const link = document.createElement('a');
    link.id = link.textContent = 'leave';
    link.href = arguments[0];
    // Above the viewer of JSON that a browser may lay over the page.
    link.style = 'position: fixed; z-index: 999; background: white';
    document.body.prepend(link)`,
    new URL('/outpost.goauthentik.io/sign_out', first).href,
  );
  await click('#leave');
  await until('the question of the provider', async () => /\/session\/end/.test(await address()));
  await click('button[name=logout][value=yes]');
  await until('the end', async () => new URL(await address()).pathname === '/outpost.goauthentik.io/sign_out');
  await open(second);
  await until('asked again', isForm);
  console.log('signed out');
} finally {
  await session('DELETE', '').catch(() => {});
}
