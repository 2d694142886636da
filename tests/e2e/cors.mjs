// A page calls another application with its cookies, and its script says what it could read.
//
//   node cors.mjs CHROMIUM PAGE_URL CALLED_URL EXPECTED
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const tools = createRequire(new URL('../../.tools/package.json', import.meta.url));
const { chromium } = tools('playwright-core');
const [executablePath, address, called, expected] = process.argv.slice(2);

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
try {
  const page = await (await browser.newContext()).newPage();
  const answer = await page.goto(address);
  assert.equal(answer.status(), 200, `the page itself at ${page.url()}`);
  const read = await page.evaluate(async (url) => {
    try {
      const response = await fetch(url, { credentials: 'include', headers: { accept: 'application/json' } });
      return `${response.status} ${(await response.json()).error}`;
    } catch (error) {
      return error.name;
    }
  }, called);
  assert.equal(read, expected);
  console.log('done');
} finally {
  await browser.close();
}
