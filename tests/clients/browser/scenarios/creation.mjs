// What can be judged before any page is shown: which orders get one, and what no page answers.

import { expect, expectTrue, member } from '../../node/report.mjs';
import { withPayer } from '../payer.mjs';

const BAD_URLS = [
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  ' javascript:alert(1)',
  'java\nscript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:x',
  'file:///etc/passwd',
  '//evil.test/ok',
  '/ok',
  'https://',
];

export async function creation({ check, shop }) {
  await check('an order gets the URL of a page at the origin that the client used', async () => {
    const { url } = await shop.order();
    const { origin, pathname, search } = new URL(url);
    expect('origin', origin, new URL(shop.sandgate.urls.paco).origin);
    expect('path', pathname, '/payment/');
    expectTrue(`the query is ${search}`, /^\?pid=[\da-f]{32}&lang=en-US$/.test(search));
  });

  for (const url of BAD_URLS) {
    await check(`a return to ${JSON.stringify(url)} is refused at creation`, async () => {
      for (const name of ['confirmationURL', 'failedURL', 'cancellationURL']) {
        const refused = await shop.ask({ notificationURLs: shop.urls({ [name]: url }) });
        expect(`status for ${name}`, refused.status, 400);
        const code = member(refused.body, 'apiResponse', 'responseCode');
        expect(`code for ${name}`, code, 'PC-B050095');
      }
    });
  }

  await check('a description of 256 characters is refused at creation', async () => {
    const refused = await shop.ask({ productDescription: 'x'.repeat(256) });
    expect('status', refused.status, 400);
  });
}

export async function unknownPages({ check, shop, browser, how, local }) {
  const origin = new URL(shop.sandgate.urls.paco).origin;
  for (const [title, path] of [
    ['a pid that nobody has', `/payment/?pid=${'0'.repeat(32)}&lang=en-US`],
    ['a pid of markup', `/payment/?pid=${encodeURIComponent('"><script>alert(1)</script>')}`],
    ['no pid', '/payment/'],
  ]) {
    await check(`${title} gets a plain page without a form`, () =>
      withPayer(browser, local, how, async (payer) => {
        const response = await payer.page.goto(origin + path);
        expect('status', response.status(), 404);
        await payer.expectNoForm();
        expectTrue('markup came back', !(await response.text()).includes('<script'));
      }));
  }
}
