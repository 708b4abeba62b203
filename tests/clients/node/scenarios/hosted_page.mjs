// The hosted page as a payer without a browser would use it. The real browser has a run of its own.

import { CARD, expectSealed } from '../bench.mjs';
import { hasForm, submit, visit } from '../html.mjs';
import { expect, expectTrue, member } from '../report.mjs';

const ENDS = [
  ['card', 'pay', '/ok', ['A', 'PA']],
  ['card', 'decline', '/failed', ['F', 'PR']],
  ['other', 'cancel', '/cancel', ['C', 'PC']],
];

export async function hostedPage(bench) {
  for (const [form, action, path, state] of ENDS) {
    await bench.check(`${action} on the page ends ${state.join('/')} at ${path}`, async () => {
      const { client, order, page, pid } = await opened(bench);
      const done = await submit(page, form, { ...filled(), action });
      expectTrue(`HTTP ${done.status} is no redirect`, [302, 303].includes(done.status));
      const back = new URL(done.location);
      expect('path', back.pathname, path);
      expect('orderNo', back.searchParams.get('orderNo'), order.orderNo);
      expect('controllerInternalId', back.searchParams.get('controllerInternalId'), pid);
      await bench.expectInquiry(client, order.orderNo, state);
      const again = await visit(page.url);
      expectTrue('the page still offers a form', !hasForm(again));
    });
  }

  await bench.check('a payment on the page can be voided', async () => {
    const { client, order, page } = await opened(bench);
    await submit(page, 'card', { ...filled(), action: 'pay' });
    const row = await bench.expectInquiry(client, order.orderNo, ['A', 'PA']);
    expectSealed(await client.void(order, row.approvalCode), 200, 'PC-B050000');
  });

  await bench.check('the page is served without the slash before its query too', async () => {
    const { page } = await opened(bench);
    expect('status', (await visit(page.url.replace('/payment/?', '/payment?'))).status, 200);
  });

  await bench.check('a page that nobody ordered is a 404 without a form', async () => {
    const { page, pid } = await opened(bench);
    const other = await visit(page.url.replace(pid, '0'.repeat(32)));
    expect('status', other.status, 404);
    expectTrue('it offers a form', !hasForm(other));
  });
}

async function opened(bench) {
  const client = bench.client();
  const order = bench.order();
  const answer = await client.prePaymentUi(order);
  expectSealed(answer, 200, 'PC-B050001');
  const page = await visit(member(answer.body, 'data', 'paymentPage', 'paymentPageURL'));
  expect('status of the page', page.status, 200);
  return { client, order, page, pid: answer.body.data.paymentIncompleteResult.controllerInternalID };
}

function filled() {
  const { payerName, ...rest } = CARD;
  return { ...rest, cardHolderName: payerName };
}
