// The merchant that the payer comes from and returns to: orders by plain JSON, and a small server
// for its URLs.

import { once } from 'node:events';
import http from 'node:http';

import { Failed, expect, expectTrue, member, shown } from '../node/report.mjs';

export class Shop {
  visits = [];
  #nextOrder = Date.now();

  constructor(sandgate) {
    this.sandgate = sandgate;
    this.server = http.createServer((request, reply) => {
      request.resume();
      if (request.url !== '/favicon.ico') this.visits.push(request.url);
      reply.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
      reply.end('<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,">'
        + '<h1>Back in the shop</h1>');
    });
  }

  async open() {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.origin = `http://127.0.0.1:${this.server.address().port}`;
    this.merchant = await this.sandgate.newMerchant();
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** Asks for a hosted page. @returns {{status, body, orderNo}} */
  async ask(changes = {}, merchant = this.merchant) {
    this.#nextOrder += 1;
    const orderNo = String(this.#nextOrder);
    const token = member(merchant, 'credentials', 'access_token');
    const reply = await fetch(new URL('/api/2.0/Payment/prePaymentUi', this.sandgate.urls.paco), {
      method: 'POST',
      headers: { token, 'Content-Type': 'application/json' },
      body: JSON.stringify(this.#request(orderNo, changes)),
      signal: AbortSignal.timeout(this.sandgate.timeoutMs),
    });
    return { status: reply.status, body: await reply.json(), orderNo };
  }

  /** An order with its page. */
  async order(changes = {}, merchant = this.merchant) {
    const { status, body, orderNo } = await this.ask(changes, merchant);
    expectTrue(`prePaymentUi answered ${status}: ${shown(body)}`, status === 200);
    return { orderNo, merchant, url: member(body, 'data', 'paymentPage', 'paymentPageURL') };
  }

  urls(changes = {}) {
    return {
      confirmationURL: `${this.origin}/ok`,
      failedURL: `${this.origin}/failed`,
      cancellationURL: `${this.origin}/cancel`,
      backendURL: `${this.origin}/notify`,
      ...changes,
    };
  }

  async expectState(order, ...wanted) {
    const url = new URL('/api/2.0/Inquiry/transactionStatus', this.sandgate.urls.paco);
    url.searchParams.set('orderNo', order.orderNo);
    const reply = await fetch(url, { headers: { apiKey: order.merchant.credentials.access_token } });
    const { paymentStatus, paymentStep } = member(await reply.json(), 'data', 0, 'paymentStatusInfo');
    expect('state of the order', `${paymentStatus}/${paymentStep}`, wanted[0]);
  }

  expectNoVisit(path) {
    const found = this.visits.find((url) => url.startsWith(path));
    if (found) throw new Failed(`the payer came back to ${found}`);
  }

  #request(orderNo, changes) {
    return {
      apiRequest: { requestMessageID: crypto.randomUUID(), language: 'en-US' },
      officeId: 'DEMO_NEPAL',
      orderNo,
      productDescription: 'Tour deposit',
      paymentType: 'CC',
      request3dsFlag: 'N',
      transactionAmount: {
        amountText: '000000012550',
        currencyCode: 'NPR',
        decimalPlaces: 2,
        amount: 125.5,
      },
      notificationURLs: this.urls(),
      ...changes,
    };
  }
}
