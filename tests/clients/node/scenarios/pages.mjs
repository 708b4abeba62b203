// Orders for the hosted page: prePaymentUi in both versions and casings.

import { expectSealed, stateOf } from '../bench.mjs';
import { expect, expectTrue, member } from '../report.mjs';

export async function pages(bench) {
  await bench.check('prePaymentUi 2.0 answers PC-B050001 in camelCase', async () => {
    const order = bench.order();
    const answer = await bench.client().prePaymentUi(order);
    expectSealed(answer, 200, 'PC-B050001');
    const { body } = answer;
    expect('members', Object.keys(body), ['data', 'version', 'apiResponse']);
    expect('version', body.version, '2.0');
    const result = member(body, 'data', 'paymentIncompleteResult');
    expect('orderNo', result.orderNo, order.orderNo);
    expect('state', stateOf(result), ['PCPS', 'GP']);
    expect('amount', result.transactionAmount, order.amount);
    expectPage(body, result.controllerInternalID);
    const back = new URL(member(result, 'notificationURLs', 'confirmationUrl'));
    expect('orderNo of the return', back.searchParams.get('orderNo'), order.orderNo);
  });

  for (const version of ['1.0', '1']) {
    await bench.check(`prePaymentUi ${version} answers PC-B050001 in the older casing`, async () => {
      const order = bench.order();
      const answer = await bench.client().prePaymentUi(order, { version });
      expectSealed(answer, 200, 'PC-B050001');
      const { body } = answer;
      expect('members', Object.keys(body).sort(), ['ApiResponse', 'Data', 'Version']);
      expect('Version', body.Version, '1.0');
      const result = member(body, 'Data', 'paymentIncompleteResult');
      expect('orderNo', result.orderNo, order.orderNo);
      expect('PaymentStatus', member(result, 'paymentStatusInfo', 'PaymentStatus'), 'PCPS');
      expect('AmountText', member(result, 'transactionAmount', 'AmountText'), order.amount.amountText);
      member(result, 'notificationURLs', 'ConfirmationUrl');
      member(result, 'InvoiceNo2C2P');
      member(body, 'Data', 'paymentPage', 'paymentPageURL');
    });
  }

  await bench.check('the answer echoes the message id and writes its nulls', async () => {
    const client = bench.client();
    const request = client.paymentRequest(bench.order());
    const answer = await client.call('POST', 'Payment/prePaymentUi', request);
    expectSealed(answer, 200);
    const { apiResponse } = answer.body;
    const sent = request.apiRequest.requestMessageID;
    expect('responseToRequestMessageId', apiResponse.responseToRequestMessageId, sent);
    expect('acquirerResponseCode', member(apiResponse, 'acquirerResponseCode'), null);
    const written = apiResponse.responseDateTime;
    expectTrue(`responseDateTime is ${written}`, /\.\d{7}Z$/.test(written));
  });

  await bench.check('answer headers have typ, kid and jti, the claims an hour of life', async () => {
    const answer = await bench.client().prePaymentUi(bench.order());
    expectSealed(answer, 200);
    for (const header of [answer.jweHeader, answer.jwsHeader]) {
      expect('typ', header.typ, 'JWT');
      expectTrue(`no kid in ${JSON.stringify(header)}`, header.kid);
    }
    const jti = String(answer.jwsHeader.jti);
    expectTrue(`jti is ${jti}`, /^[\da-f]{8}-([\da-f]{4}-){3}[\da-f]{12}$/.test(jti));
    const wanted = ['response', 'aud', 'iss', 'exp', 'iat', 'nbf'];
    expect('order of the claims', Object.keys(answer.claims), wanted);
    expect('lifetime', answer.claims.exp - answer.claims.iat, 3600);
  });

  await bench.check('transactionStatus of an open page is PCPS/GP', async () => {
    const client = bench.client();
    const order = bench.order();
    expectSealed(await client.prePaymentUi(order), 200);
    await bench.expectInquiry(client, order.orderNo, ['PCPS', 'GP']);
  });

  await bench.check('paths are served in any case', async () => {
    const client = bench.client();
    const request = client.paymentRequest(bench.order());
    expectSealed(await client.call('POST', 'payment/PREPAYMENTUI', request), 200, 'PC-B050001');
  });

  await bench.check('an unknown version or path is an empty 404, a wrong method an empty 405', async () => {
    const client = bench.client();
    const found = [];
    for (const [method, path] of [
      ['POST', '/api/3.0/Payment/prePaymentUi'],
      ['POST', '/api/2.0/Payment/paymentUi'],
      ['POST', '/api/2.0/Settlement'],
    ]) {
      const answer = await client.send(method, path, client.headers('json'), '{}');
      found.push([answer.status, answer.text]);
    }
    expect('answers', found, [[404, ''], [404, ''], [405, '']]);
  });
}

function expectPage(body, pid) {
  expectTrue(`controllerInternalID is ${pid}`, /^[\da-f]{32}$/.test(pid));
  const page = member(body, 'data', 'paymentPage');
  const url = new URL(page.paymentPageURL);
  expect('path of the page', url.pathname, '/payment/');
  expect('query of the page', url.search, `?pid=${pid}&lang=en-US`);
  const valid = page.validTillDateTime;
  expectTrue(`validTillDateTime is ${valid}`, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(valid));
}
