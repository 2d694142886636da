// A frame of another site keeps the cookies of a sign-in that begins there, apart for the site around it.
//
//   node frame.mjs CHROMIUM PAGE_URL FRAMED_URL
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const tools = createRequire(new URL('../../.tools/package.json', import.meta.url));
const { chromium } = tools('playwright-core');
const [executablePath, address, framed] = process.argv.slice(2);

const names = ['*.example.com', 'other.test'].map((name) => `MAP ${name} 127.0.0.1`).join(', ');
const args = ['--no-sandbox', '--disable-dev-shm-usage', `--host-resolver-rules=${names}`];
const browser = await chromium.launch({ executablePath, args });
try {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  // No server makes the page around the frame.
  await page.route(address, (route) => route.fulfill({ contentType: 'text/html', body: `<iframe src="${framed}"></iframe>` }));
  const answered = page.waitForResponse(framed);
  await page.goto(address);
  // The redirect leads to the provider of the tests, whose http page no frame of an https page shows.
  assert.equal((await answered).status(), 302);
  const { cookies } = await (await context.newCDPSession(page)).send('Network.getAllCookies');
  const binding = cookies.find(({ name }) => name === '__Host-gatepost-binding');
  assert.ok(binding, `the frame keeps the binding: ${JSON.stringify(cookies)}`);
  assert.equal(binding.sameSite, 'None');
  assert.equal(binding.partitionKey?.topLevelSite ?? binding.partitionKey, 'https://other.test');
  console.log('done');
} finally {
  await browser.close();
}
