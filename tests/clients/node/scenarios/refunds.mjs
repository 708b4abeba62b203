// Refund of a settled payment, whole and in parts.

import { expectBusinessRefusal, expectJson, expectSealed, responseCode, stateOf } from '../bench.mjs';
import { amount } from '../paco-client.mjs';
import { expect, expectTrue, member } from '../report.mjs';

export async function refunds(bench) {
  await granted(bench);
  await refused(bench);
  await policies(bench);
}

async function granted(bench) {
  await bench.check('Refund of a settled payment gives R/RF, flat on data', async () => {
    const client = bench.client();
    const { order } = await bench.settle(client);
    const answer = await client.refund(order);
    expectSealed(answer, 200, 'PC-B050000');
    const result = member(answer.body, 'data');
    expect('state', stateOf(result), ['R', 'RF']);
    expect('orderNo', result.orderNo, order.orderNo);
    expectTrue('no refundNo', member(result, 'refundNo'));
    await bench.expectInquiry(client, order.orderNo, ['R', 'RF']);
  });

  await bench.check('Refund 1.0 answers in the older casing', async () => {
    const client = bench.client();
    const { order } = await bench.settle(client);
    const answer = await client.refund(order, order.amount, { version: '1.0' });
    expectSealed(answer, 200, 'PC-B050000');
    expect('state', stateOf(member(answer.body, 'Data')), ['R', 'RF']);
  });

  await bench.check('Refund in plain JSON', async () => {
    const client = bench.client();
    const { order } = await bench.settle(client);
    const answer = await client.refund(order, order.amount, { send: 'json' });
    expectJson(answer, 200, 'PC-B050000');
  });

  await bench.check('refundAmount in PascalCase, as the official sample has it', async () => {
    const client = bench.client();
    const { order } = await bench.settle(client);
    const pascal = Object.entries(order.amount).map(([name, value]) => [capital(name), value]);
    expectSealed(await client.refund(order, Object.fromEntries(pascal)), 200, 'PC-B050000');
  });

  await bench.check('an office that settles by itself can be refunded at once', async () => {
    const client = bench.client();
    const order = bench.order({ officeId: 'DEMO_AUTOSETTLE', currency: 'PHP' });
    await bench.approve(client, order);
    expectSealed(await client.refund(order), 200, 'PC-B050000');
  });

  await bench.check('parts are refunded up to what was settled', async () => {
    const client = bench.client();
    const { order } = await bench.settle(client);
    expectSealed(await client.refund(order, amount(5000)), 200, 'PC-B050000');
    expectSealed(await client.refund(order, amount(7551)), 400, 'PC-B050058');
    expectSealed(await client.refund(order, amount(7550)), 200, 'PC-B050000');
    expectSealed(await client.refund(order, amount(1)), 400, 'PC-B050040');
  });
}

async function refused(bench) {
  await bench.check('Refund before Settlement (mistake 16): PC-B050053', async () => {
    const client = bench.client();
    const { order } = await bench.approve(client);
    const answer = await client.refund(order);
    expectSealed(answer, 400, 'PC-B050053');
    await expectBusinessRefusal(bench, answer, 'paco.refund_before_settlement');
    await bench.expectInquiry(client, order.orderNo, ['A', 'PA']);
  });

  await bench.check('Refund of a voided payment: PC-B050053', async () => {
    const client = bench.client();
    const { order, approvalCode } = await bench.approve(client);
    expectSealed(await client.void(order, approvalCode), 200);
    expectSealed(await client.refund(order), 400, 'PC-B050053');
  });

  await bench.check('Refund by invoiceNo2C2P in place of orderNo (mistake 16) is refused', async () => {
    const client = bench.client();
    const { order, result } = await bench.settle(client);
    const answer = await client.refund({ ...order, orderNo: result.invoiceNo2C2P });
    expectSealed(answer, 400, 'PC-B052201');
    await expectBusinessRefusal(bench, answer, 'paco.keyed_by_invoice_no');
  });

  for (const [title, change, nearMiss] of [
    ['without a maker', { localMakerChecker: undefined }, 'paco.refund_maker_missing'],
    ['with a maker without a name', { localMakerChecker: { maker: {} } }, 'paco.refund_maker_missing'],
    ['in a refundDetails wrapper', null, 'paco.refund_details_wrapper'],
  ]) {
    await bench.check(`Refund ${title}: PC-B050039 or PC-B050040`, async () => {
      const client = bench.client();
      const { order } = await bench.settle(client);
      const { apiRequest, officeId, orderNo, ...rest } = refundRequest(client, order);
      const request = change
        ? { apiRequest, officeId, orderNo, ...rest, ...change }
        : { apiRequest, officeId, orderNo, refundDetails: rest };
      const answer = await client.call('POST', 'Refund/refund', request);
      expectSealed(answer, 400);
      const code = responseCode(answer.body);
      expectTrue(`the code is ${code}`, ['PC-B050039', 'PC-B050040'].includes(code));
      await bench.expectRefusal(answer, 'paco.fields', nearMiss);
      await bench.expectInquiry(client, orderNo, ['S', 'ST']);
    });
  }
}

function refundRequest(client, order) {
  return {
    apiRequest: client.apiRequest(),
    officeId: order.officeId,
    orderNo: order.orderNo,
    refundAmount: order.amount,
    localMakerChecker: { maker: { username: 'demo-clerk' } },
  };
}

async function policies(bench) {
  for (const [policy, part, whole] of [
    ['full_only', 'PC-B050060', 'PC-B050000'],
    ['forbidden', 'PC-B050059', 'PC-B050059'],
    ['single_partial', 'PC-B050000', null],
  ]) {
    await bench.check(`refund_policy ${policy}: a part is ${part}`, async () => {
      const { client } = await bench.merchant({ settings: { refund_policy: policy } });
      const { order } = await bench.settle(client);
      const first = await client.refund(order, amount(5000));
      expect('code of a part', responseCode(first.body), part);
      if (whole === null) return;
      const second = await client.refund(order);
      expect('code of the whole', responseCode(second.body), whole);
    });
  }

  await bench.check('refund_review maker_checker: R/RP first', async () => {
    const { client } = await bench.merchant({ settings: { refund_review: 'maker_checker' } });
    const { order } = await bench.settle(client);
    const answer = await client.refund(order);
    expect('state', stateOf(member(answer.body, 'data')), ['R', 'RP']);
  });
}

function capital(name) {
  return name[0].toUpperCase() + name.slice(1);
}
