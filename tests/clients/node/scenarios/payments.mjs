// Direct card payments and what follows them: inquiry, Void, Settlement.

import { CARD, card, expectJson, expectSealed, stateOf, statusRow } from '../bench.mjs';
import { amount } from '../paco-client.mjs';
import { expect, expectTrue, member } from '../report.mjs';

const MAGIC = [
  ['4000000000000002', 'declined', ['F', 'PR'], 'PC-B050901'],
  ['4000000000000101', 'not authenticated', ['F', 'VF'], 'PC-B050902'],
  ['4000000000000119', 'a system error', ['F', 'SE'], 'PC-B050903'],
];

export async function payments(bench) {
  await approvals(bench);
  await refusedCards(bench);
  await voids(bench);
  await settlements(bench);
  await races(bench);
}

async function approvals(bench) {
  await bench.check('nonUi without 3-D Secure is approved (PC-B050000, A/PA)', async () => {
    const client = bench.client();
    const { order, result, approvalCode } = await bench.approve(client);
    expect('orderNo', result.orderNo, order.orderNo);
    expect('state', stateOf(result), ['A', 'PA']);
    expectTrue(`approvalCode is ${approvalCode}`, /^\d{6}$/.test(approvalCode));
    const invoice = member(result, 'invoiceNo2C2P');
    expectTrue(`invoiceNo2C2P is ${invoice}`, /^[A-Z]{4}\d{13}$/.test(invoice));
    const shown = member(result, 'creditCardAuthenticatedDetails', 'cardNumber');
    expectTrue(`the card number is shown as ${shown}`, shown !== CARD.cardNumber);
  });

  await bench.check('nonUi 1.0 is approved in the older casing', async () => {
    const answer = await bench.client().nonUi(bench.order(), CARD, { version: '1.0' });
    expectSealed(answer, 200, 'PC-B050000');
    const result = member(answer.body, 'Data', 'paymentResult');
    expect('PaymentStatus', member(result, 'paymentStatusInfo', 'PaymentStatus'), 'A');
    member(result, 'InvoiceNo2C2P');
  });

  await bench.check('nonUi with cardHolderName and browserInfo, as a live client sends it', async () => {
    const { payerName, ...rest } = CARD;
    const more = {
      deviceDetails: { deviceCategory: 'P', userAgent: 'Mozilla/5.0' },
      browserInfo: { acceptHeader: '*/*', javascriptEnabled: true, screenHeight: '900' },
    };
    const given = { ...rest, cardHolderName: payerName, cardType: 'credit' };
    expectSealed(await bench.client().nonUi(bench.order({ more }), given), 200, 'PC-B050000');
  });

  await bench.check('an amount without decimal places is approved', async () => {
    await bench.approve(bench.client(), bench.order({ minor: 1250, currency: 'JPY', places: 0 }));
  });

  await bench.check('a wallet stays in progress and gets a page to go to', async () => {
    const client = bench.client();
    const order = bench.order({ more: { paymentType: 'WALLET-GCASH' } });
    const answer = await client.nonUi(order, undefined);
    expectSealed(answer, 200);
    const result = member(answer.body, 'data', 'webPaymentResult');
    expectTrue('no webPaymentUrl', URL.canParse(member(result, 'webPaymentUrl')));
    expect('status', stateOf(result)[0], 'I');
  });

  await bench.check('transactionStatus is plain JSON with an array, whatever Accept says', async () => {
    const client = bench.client();
    const { order } = await bench.approve(client);
    await bench.expectInquiry(client, order.orderNo, ['A', 'PA']);
    const headers = { Accept: 'application/jose' };
    for (const version of ['1.0', '2.0']) {
      const answer = await client.transactionStatus(order.orderNo, { version, headers });
      expectJson(answer, 200, 'PC-B050000');
      member(answer.body, 'data', 0, 'paymentStatusInfo', 'lastUpdatedDttm');
    }
  });

  await bench.check('transactionStatus of an unknown order is PC-B052201', async () => {
    expectJson(await bench.client().transactionStatus('9'.repeat(13)), 400, 'PC-B052201');
  });
}

async function refusedCards(bench) {
  for (const [number, title, state, code] of MAGIC) {
    await bench.check(`card ${number} is ${title} (${state.join('/')})`, async () => {
      const client = bench.client();
      const order = bench.order();
      const answer = await client.nonUi(order, card(number));
      expectSealed(answer, 200, code);
      const result = member(answer.body, 'data', 'paymentResult');
      expect('state', stateOf(result), state);
      expect('reason', member(result, 'priorPaymentResponseDetails', 'responseCode'), code);
      await bench.expectInquiry(client, order.orderNo, state);
    });
  }

  await bench.check('a declined order number cannot be used again', async () => {
    const client = bench.client();
    const order = bench.order();
    expectSealed(await client.nonUi(order, card(MAGIC[0][0])), 200, 'PC-B050901');
    expectSealed(await client.nonUi(order, CARD), 400, 'PC-B050095');
    await bench.expectInquiry(client, order.orderNo, ['F', 'PR']);
  });

  await bench.check('an armed rule declines one payment, and only one', async () => {
    const { id, client } = await bench.merchant();
    const rule = { when: { endpoint: 'nonUi' }, outcome: 'declined' };
    const armed = await bench.sandgate.admin('POST', '/scenarios/armed', { merchant: id, rule });
    expectTrue(`arming answered ${armed.status}`, armed.status < 300);
    expectSealed(await client.nonUi(bench.order(), CARD), 200, 'PC-B050901');
    await bench.approve(client);
  });
}

async function voids(bench) {
  await bench.check('Void of an approval gives V/VD; a second one PC-B050013', async () => {
    const client = bench.client();
    const { order, approvalCode } = await bench.approve(client);
    const answer = await client.void(order, approvalCode);
    expectSealed(answer, 200, 'PC-B050000');
    // The result of a void is not wrapped in paymentResult.
    expect('state', stateOf(member(answer.body, 'data')), ['V', 'VD']);
    await bench.expectInquiry(client, order.orderNo, ['V', 'VD']);
    expectSealed(await client.void(order, approvalCode), 400, 'PC-B050013');
    expectSealed(await client.settlement(order, approvalCode), 400, 'PC-B050013');
    await bench.expectInquiry(client, order.orderNo, ['V', 'VD']);
  });

  await bench.check('Void by invoiceNo2C2P without an amount', async () => {
    const client = bench.client();
    const { order, result } = await bench.approve(client);
    const request = {
      apiRequest: client.apiRequest(),
      officeId: order.officeId,
      orderNo: order.orderNo,
      invoiceNo2C2P: result.invoiceNo2C2P,
      cancellationReason: 'changed my mind',
    };
    expectSealed(await client.call('POST', 'Void', request), 200, 'PC-B050000');
  });

  await bench.check('Void 1.0 answers in the older casing', async () => {
    const client = bench.client();
    const { order, approvalCode } = await bench.approve(client);
    const answer = await client.void(order, approvalCode, { version: '1.0' });
    expectSealed(answer, 200, 'PC-B050000');
    expect('state', stateOf(member(answer.body, 'Data')), ['V', 'VD']);
  });

  await bench.check("another merchant's order does not exist", async () => {
    const { order, approvalCode } = await bench.approve(bench.client());
    const { client } = await bench.merchant();
    expectSealed(await client.void(order, approvalCode), 400, 'PC-B052201');
    expectJson(await client.transactionStatus(order.orderNo), 400, 'PC-B052201');
  });
}

async function settlements(bench) {
  await bench.check('Settlement (PUT) gives S/ST; Void after it PC-B050013', async () => {
    const client = bench.client();
    const { order, approvalCode } = await bench.settle(client);
    await bench.expectInquiry(client, order.orderNo, ['S', 'ST']);
    expectSealed(await client.void(order, approvalCode), 400, 'PC-B050013');
    expectSealed(await client.settlement(order, approvalCode), 400, 'PC-B050013');
  });

  await bench.check('Settlement by invoiceNo2C2P', async () => {
    const client = bench.client();
    const { order, result } = await bench.approve(client);
    const request = {
      apiRequest: client.apiRequest(),
      officeId: order.officeId,
      orderNo: order.orderNo,
      invoiceNo2C2P: result.invoiceNo2C2P,
      settlementAmount: order.amount,
    };
    expectSealed(await client.call('PUT', 'Settlement', request), 200, 'PC-B050000');
  });

  await bench.check('a smaller settlement is taken, a larger one refused', async () => {
    const client = bench.client();
    const larger = await bench.approve(client);
    const tooMuch = { ...larger.order, amount: amount(12551) };
    const refused = await client.settlement(tooMuch, larger.approvalCode);
    expectSealed(refused, 400, 'PC-B050095');
    await bench.expectInquiry(client, larger.order.orderNo, ['A', 'PA']);
    const part = { ...larger.order, amount: amount(5000) };
    expectSealed(await client.settlement(part, larger.approvalCode), 200, 'PC-B050000');
  });

  await bench.check('an office that settles by itself reaches S/ST', async () => {
    const client = bench.client();
    const order = bench.order({ officeId: 'DEMO_AUTOSETTLE', currency: 'PHP' });
    const { approvalCode } = await bench.approve(client, order);
    expect('state', stateOf(await statusRow(client, order.orderNo)), ['S', 'ST']);
    expectSealed(await client.void(order, approvalCode), 400, 'PC-B050013');
  });
}

async function races(bench) {
  const statuses = (answers) => answers.map((answer) => answer.status).sort();

  await bench.check('of twenty payments of one order at once, one is taken', async () => {
    const client = bench.client();
    const order = bench.order();
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.nonUi(order, CARD)));
    expect('statuses', statuses(answers), [200, ...Array(19).fill(400)]);
    await bench.expectInquiry(client, order.orderNo, ['A', 'PA']);
  });

  await bench.check('of Void and Settlement at once, one is done', async () => {
    const client = bench.client();
    const { order, approvalCode } = await bench.approve(client);
    const answers = await Promise.all([
      client.void(order, approvalCode),
      client.settlement(order, approvalCode),
      client.void(order, approvalCode),
      client.settlement(order, approvalCode),
    ]);
    expect('statuses', statuses(answers), [200, 400, 400, 400]);
    const done = answers.findIndex((answer) => answer.status === 200);
    const state = done % 2 === 0 ? ['V', 'VD'] : ['S', 'ST'];
    await bench.expectInquiry(client, order.orderNo, state);
  });
}
