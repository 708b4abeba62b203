// Searching orders: transactionList.

import { expectJson, expectSealed, stateOf } from '../bench.mjs';
import { expect, expectTrue, member, shown } from '../report.mjs';

/** A date that is not set, as .NET clients write it. */
const UNSET = '0001-01-01T00:00:00';

export async function lists(bench) {
  const { client } = await bench.merchant();
  const paid = (await bench.approve(client)).order;
  const settled = (await bench.settle(client, bench.order({ officeId: 'DEMO_NEPAL' }))).order;
  const open = bench.order();
  expectSealed(await client.prePaymentUi(open), 200);

  await bench.check('transactionList 2.0 finds an order by its number, in camelCase', async () => {
    const rows = await found(client, { orderNo: [paid.orderNo] });
    expect('orders', numbersOf(rows), [paid.orderNo]);
    expect('state', stateOf(rows[0]), ['A', 'PA']);
    member(rows[0], 'paymentStatusInfo', 'lastUpdatedDttm');
    expect('amount', member(rows[0], 'transactionAmount'), paid.amount);
  });

  await bench.check('transactionList 1.0 is PascalCase all the way', async () => {
    const search = { advSearchParams: { orderNo: [paid.orderNo] } };
    const answer = await client.transactionList(search.advSearchParams, { version: '1.0' });
    expectSealed(answer, 200, 'PC-B050000');
    const row = member(answer.body, 'Data', 0);
    expect('OrderNo', member(row, 'OrderNo'), paid.orderNo);
    member(row, 'PaymentStatusInfo', 'LastUpdatedDttm');
    member(row, 'TransactionAmount', 'AmountText');
  });

  await bench.check('transactionList in plain JSON', async () => {
    const search = { orderNo: [paid.orderNo, settled.orderNo] };
    const answer = await client.transactionList(search, { send: 'json' });
    expectJson(answer, 200, 'PC-B050000');
    expect('orders', numbersOf(member(answer.body, 'data')), [paid.orderNo, settled.orderNo].sort());
  });

  await bench.check('dates that .NET clients leave unset do not narrow the search', async () => {
    const unset = { controllerInternalID: null, fromDate: UNSET, toDate: UNSET, amountFrom: null };
    const rows = await found(client, { ...unset, orderNo: [paid.orderNo] });
    expect('orders', numbersOf(rows), [paid.orderNo]);
  });

  await bench.check('office and status narrow the search', async () => {
    const byOffice = await found(client, { officeId: ['DEMO_NEPAL'] });
    expect('orders of the office', numbersOf(byOffice), [settled.orderNo]);
    const byStatus = await found(client, { paymentStatus: ['A'] });
    expect('approved orders', numbersOf(byStatus), [paid.orderNo]);
  });

  await bench.check("another merchant's orders are not found", async () => {
    const rows = await found(bench.client(), { orderNo: [paid.orderNo] });
    expect('orders', numbersOf(rows), []);
  });
}

async function found(client, search) {
  const answer = await client.transactionList(search);
  expectSealed(answer, 200, 'PC-B050000');
  const rows = member(answer.body, 'data');
  expectTrue(`data is no array: ${shown(rows)}`, Array.isArray(rows));
  return rows;
}

function numbersOf(rows) {
  return rows.map((row) => row.orderNo).sort();
}
