// The 3-D Secure challenge of a direct payment, with just enough of a browser to answer it.

import { CARD, expectSealed, responseCode, stateOf } from '../bench.mjs';
import { submit, visit } from '../html.mjs';
import { expect, expectTrue, member, shown } from '../report.mjs';

const RESULTS = [
  ['pass', ['A', 'PA'], '/ok'],
  ['fail', ['F', 'VF'], '/failed'],
  ['cancel', ['C', 'PC'], '/cancel'],
];

export async function challenges(bench) {
  await bench.check('request3dsFlag Y is challenged (I/AC)', async () => {
    const { client, order, result } = await challenged(bench);
    expect('state', stateOf(result), ['I', 'AC']);
    const { acsURL, rawCreq, threeDSSessionData } = result.aresACSChallenge;
    expectTrue(`acsURL is ${acsURL}`, new URL(acsURL).pathname === '/challenge/browser');
    const creq = JSON.parse(Buffer.from(rawCreq, 'base64url').toString());
    expect('messageType', creq.messageType, 'CReq');
    expectTrue('no threeDSSessionData', threeDSSessionData);
    await bench.expectInquiry(client, order.orderNo, ['I', 'AC']);
  });

  await bench.check('the ACS answers the form of a browser with a page of its own', async () => {
    const page = await atAcs((await challenged(bench)).result);
    expect('status', page.status, 200);
    expectTrue('it is no HTML', page.headers.get('content-type').startsWith('text/html'));
    for (const [result] of RESULTS) {
      expectTrue(`no button ${result}`, page.html.includes(`value="${result}"`));
    }
  });

  for (const [answer, state, path] of RESULTS) {
    await bench.check(`${answer} at the ACS ends ${state.join('/')} at ${path}`, async () => {
      const { client, order, result } = await challenged(bench);
      const page = await submit(await atAcs(result), 'answer', { result: answer });
      expectTrue(`HTTP ${page.status} is no redirect`, [302, 303].includes(page.status));
      const back = new URL(page.location);
      expect('path', back.pathname, path);
      expect('orderNo', back.searchParams.get('orderNo'), order.orderNo);
      await bench.expectInquiry(client, order.orderNo, state);
    });
  }

  await bench.check('timeout at the ACS never pays', async () => {
    const { client, order, result } = await challenged(bench);
    await submit(await atAcs(result), 'answer', { result: 'timeout' });
    const row = (await client.transactionStatus(order.orderNo)).body.data[0];
    expectTrue(`the state is ${stateOf(row)}`, ['I', 'F', 'E'].includes(stateOf(row)[0]));
  });

  await bench.check('a challenge is answered once', async () => {
    const { client, order, result } = await challenged(bench);
    const page = await atAcs(result);
    await submit(page, 'answer', { result: 'fail' });
    await submit(page, 'answer', { result: 'pass' });
    await bench.expectInquiry(client, order.orderNo, ['F', 'VF']);
  });

  await bench.check('a foreign session at the ACS gets no challenge', async () => {
    const { result } = await challenged(bench);
    const { acsURL, rawCreq } = result.aresACSChallenge;
    const page = await visit(acsURL, { creq: rawCreq, threeDSSessionData: 'somebody' });
    expectTrue(`HTTP ${page.status}`, page.status >= 400 && page.status < 500);
  });

  await bench.check('acs_behaviour frictionless approves at once', async () => {
    const { client } = await bench.merchant({ settings: { acs_behaviour: 'frictionless' } });
    const order = bench.order({ more: { request3dsFlag: 'Y' } });
    expectSealed(await client.nonUi(order, CARD), 200, 'PC-B050000');
    await bench.expectInquiry(client, order.orderNo, ['A', 'PA']);
  });
}

async function challenged(bench) {
  const client = bench.client();
  const order = bench.order({ more: { request3dsFlag: 'Y' } });
  const answer = await client.nonUi(order, CARD);
  expectSealed(answer, 200);
  expectTrue(`the code is ${responseCode(answer.body)}`, responseCode(answer.body) !== 'PC-B050000');
  const result = member(answer.body, 'data', 'paymentIncompleteResult');
  expectTrue(`no challenge in ${shown(result)}`, result.aresACSChallenge);
  return { client, order, result };
}

function atAcs(result) {
  const { acsURL, rawCreq, threeDSSessionData } = result.aresACSChallenge;
  return visit(acsURL, { creq: rawCreq, threeDSSessionData });
}
