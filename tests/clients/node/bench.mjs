// What all scenarios stand on: the demo merchant's client, fresh orders, and what answers are
// expected to look like.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { PacoClient, amount, keysOf } from './paco-client.mjs';
import { expect, expectTrue, member, shown } from './report.mjs';
import { readEnv } from './sandgate.mjs';

const DEMO = { merchant: 'demo-paco', token: '5a6d0b3e9c4f4e1f8a7b2c1d3e4f5a6b' };

/** A published sandbox card; every Luhn-valid card that is not a magic one pays. */
export const CARD = card('4101490000057763', '0930', '344');

export function card(cardNumber, cardExpiryMMYY = '1230', cvvCode = '123') {
  return { cardNumber, cardExpiryMMYY, cvvCode, payerName: 'Demo Payer' };
}

export class Bench {
  constructor(sandgate, report, folder) {
    this.sandgate = sandgate;
    this.report = report;
    this.folder = folder;
    this.nextOrder = Date.now();
  }

  check(title, scenario) {
    return this.report.check(title, scenario);
  }

  /** Gets the demo merchant's credentials the way a user does. */
  async exportCredentials() {
    const out = join(this.folder, 'credentials');
    await this.sandgate.command('credentials', 'export', DEMO.merchant, '--out', out);
    const names = readdirSync(out);
    this.files = Object.fromEntries(names.map((name) => [name, readFileSync(join(out, name), 'utf8')]));
    this.demo = this.credentialsIn(this.files);
    expect('access token', this.demo.token, DEMO.token);
    expect('base URL', trimmed(this.demo.baseUrl), trimmed(this.sandgate.urls.paco));
    expectTrue('ca.pem is no certificate', this.files['ca.pem'].includes('BEGIN CERTIFICATE'));
  }

  /** A client's options out of exported files. */
  credentialsIn(files) {
    const env = readEnv(files['.env']);
    const value = (name) => member(env, `SANDGATE_PACO_${name}`);
    return {
      baseUrl: value('BASE_URL'),
      token: value('ACCESS_TOKEN'),
      kid: value('KID'),
      basic: { user: value('BASIC_USER'), password: value('BASIC_PASSWORD') },
      ...keysOf({ ...this.files, ...files }),
    };
  }

  client(changes = {}, Kind = PacoClient) {
    return new Kind({ ...this.demo, timeoutMs: this.sandgate.timeoutMs, ...changes });
  }

  /** A merchant of its own, and a client with its credentials. */
  async merchant(wanted = {}, changes = {}) {
    const made = await this.sandgate.newMerchant(wanted);
    const files = await this.sandgate.credentialsFiles(made.id);
    return { id: made.id, files, client: this.client({ ...this.credentialsIn(files), ...changes }) };
  }

  order({ officeId = 'DEMO_MANUAL', minor = 12550, currency = 'NPR', places = 2, more = {} } = {}) {
    this.nextOrder += 1;
    return {
      officeId,
      orderNo: String(this.nextOrder),
      description: 'Tour deposit',
      amount: amount(minor, currency, places),
      more,
    };
  }

  // Steps that many scenarios share.

  async approve(client, order = this.order()) {
    const answer = await client.nonUi(order, CARD);
    expectSealed(answer, 200, 'PC-B050000');
    const result = member(answer.body, 'data', 'paymentResult');
    return { order, result, approvalCode: member(result, 'approvalCode') };
  }

  async settle(client, order = this.order()) {
    const paid = await this.approve(client, order);
    const answer = await client.settlement(order, paid.approvalCode);
    expectSealed(answer, 200, 'PC-B050000');
    expect('state', stateOf(member(answer.body, 'data')), ['S', 'ST']);
    return { ...paid, settled: answer.body.data };
  }

  async expectInquiry(client, orderNo, state) {
    const row = await statusRow(client, orderNo);
    expect('state by inquiry', stateOf(row), state);
    return row;
  }

  /** The explanation of a refusal: which check failed, and which mistake it looks like. */
  async expectRefusal(answer, check, ...nearMisses) {
    const explanation = await this.sandgate.explanation(answer.exchange);
    expect('verdict', explanation.verdict, 'refused');
    expect(`failed check (${shown(explanation.summary)})`, explanation.failed_check, check);
    const failed = explanation.checks.filter((one) => one.verdict === 'failed');
    // The first failed check ends the ladder, so there is never a second.
    expect('failed checks', failed.map((one) => one.id), [check]);
    for (const name of ['title', 'expected', 'got', 'fix', 'clause']) {
      expectTrue(`${check} has no ${name}`, failed[0][name]);
    }
    expectNamed(explanation, nearMisses);
    return { ...explanation, failed: failed[0] };
  }
}

/** A refusal that no check made: the message was right, and the business says no. */
export async function expectBusinessRefusal(bench, answer, ...nearMisses) {
  const explanation = await bench.sandgate.explanation(answer.exchange);
  expect('verdict', explanation.verdict, 'refused');
  expect('failed check', explanation.failed_check, null);
  expectNamed(explanation, nearMisses);
  return explanation;
}

function trimmed(url) {
  return url.replace(/\/$/, '');
}

/** Each wanted near miss is an id, or an id and a text that its evidence holds. */
export function expectNamed(explanation, nearMisses) {
  const found = explanation.near_misses;
  const ids = found.map((one) => one.id).join(', ') || 'none';
  for (const wanted of nearMisses) {
    const [id, evidence] = Array.isArray(wanted) ? wanted : [wanted, ''];
    const named = found.find((one) => one.id === id);
    expectTrue(`${id} is not among the near misses: ${ids}`, named);
    expectTrue(`${id} has no title`, named.title);
    expectTrue(`${id} shows ${shown(named.evidence)}`, named.evidence.includes(evidence));
  }
  if (nearMisses.length === 0) expect('near misses', ids, 'none');
}

export function responseCode(body) {
  return body?.apiResponse?.responseCode ?? body?.ApiResponse?.ResponseCode;
}

export function expectSealed(answer, status, code) {
  const said = answer.sealed ? shown(answer.body) : shown(answer.text);
  expectTrue(`HTTP ${answer.status} in place of ${status}: ${said}`, answer.status === status);
  expectTrue(`${answer.mediaType} in place of JOSE: ${said}`, answer.sealed);
  if (code) expect('response code', responseCode(answer.body), code);
}

export function expectJson(answer, status, code) {
  const said = shown(answer.sealed ? answer.body : answer.text);
  expectTrue(`HTTP ${answer.status} in place of ${status}: ${said}`, answer.status === status);
  expect('content type', answer.mediaType, 'application/json');
  if (code) expect('response code', responseCode(answer.body), code);
}

/** A message that never opened: plain JSON, and nothing but a message. */
export function expectUnopened(answer, message = 'Invalid token') {
  expectJson(answer, 400);
  expect('body', answer.body, { message });
}

export function expectAccessDenied(answer, status = 401) {
  expectJson(answer, status);
  expect('body', answer.body, { message: 'Access Denied' });
}

export function stateOf(result) {
  const info = result.paymentStatusInfo ?? result.PaymentStatusInfo;
  expectTrue(`no paymentStatusInfo in ${Object.keys(result).join(', ')}`, info);
  return [info.paymentStatus ?? info.PaymentStatus, info.paymentStep ?? info.PaymentStep];
}

export async function statusRow(client, orderNo) {
  const answer = await client.transactionStatus(orderNo);
  // PC-B050000 says that the inquiry worked, not that the order is paid.
  expectJson(answer, 200, 'PC-B050000');
  const rows = member(answer.body, 'data');
  expectTrue(`data is no array: ${shown(rows)}`, Array.isArray(rows));
  expect('rows', rows.length, 1);
  expect('orderNo', rows[0].orderNo, orderNo);
  return rows[0];
}
