// Backend notifications, received as a merchant receives them: by a server of our own.

import http from 'node:http';
import { once } from 'node:events';

import { CARD, card, expectSealed, responseCode, stateOf } from '../bench.mjs';
import { submit, visit } from '../html.mjs';
import { Failed, expect, expectTrue, member } from '../report.mjs';

export async function notifications(bench) {
  const shop = new Receiver(bench.sandgate.timeoutMs);
  await shop.listen();
  try {
    await delivered(bench, shop);
    await retried(bench, shop);
  } finally {
    shop.close();
  }
}

async function delivered(bench, shop) {
  for (const [title, given, code, state] of [
    ['an approved', CARD, 'PC-B050000', ['A', 'PA']],
    ['a declined', card('4000000000000002'), 'PC-B050901', ['F', 'PR']],
  ]) {
    await bench.check(`${title} nonUi is notified, sealed for the merchant`, async () => {
      const client = bench.client();
      const order = shop.order(bench);
      expectSealed(await client.nonUi(order, given), 200, code);
      const { response } = await opened(client, await shop.next(order));
      expect('code', responseCode(response), code);
      const result = member(response, 'data', 'paymentResult');
      expect('orderNo', result.orderNo, order.orderNo);
      expect('state', stateOf(result), state);
    });
  }

  await bench.check('a notification has the algorithms of the order, and its casing', async () => {
    const client = bench.client({ jwsAlg: 'PS512', jweEnc: 'A256GCM' });
    const order = shop.order(bench);
    expectSealed(await client.nonUi(order, CARD, { version: '1.0' }), 200);
    const { response } = await opened(client, await shop.next(order));
    member(response, 'Data', 'paymentResult');
  });

  await bench.check('a payment on the hosted page is notified', async () => {
    const client = bench.client();
    const order = shop.order(bench);
    const answer = await client.prePaymentUi(order);
    const page = await visit(answer.body.data.paymentPage.paymentPageURL);
    const { payerName, ...rest } = CARD;
    await submit(page, 'card', { ...rest, cardHolderName: payerName, action: 'pay' });
    const { response } = await opened(client, await shop.next(order));
    expect('code', responseCode(response), 'PC-B050000');
  });

  await bench.check('Void and Settlement are not notified', async () => {
    const client = bench.client();
    const order = shop.order(bench);
    const { approvalCode } = await bench.approve(client, order);
    await shop.next(order);
    expectSealed(await client.void(order, approvalCode), 200);
    // A later order's notification arrives, and still none of the Void has.
    const later = shop.order(bench);
    await bench.approve(client, later);
    await shop.next(later);
    expect('further notifications', shop.waiting(order), 0);
  });
}

async function retried(bench, shop) {
  await bench.check('a notification that is refused is sent again', async () => {
    const settings = { notification_retry_delays_s: [0, 1, 2] };
    const { client } = await bench.merchant({ settings });
    const order = shop.order(bench, 500);
    await bench.approve(client, order);
    const first = await shop.next(order);
    shop.answerWith(order, 200);
    const second = await shop.next(order);
    for (const message of [first, second]) await opened(client, message);
  });
}

/** Opens and verifies a notification as strictly as an answer. */
async function opened(client, { headers, body }) {
  const type = headers['content-type'] ?? 'missing';
  expectTrue(`Content-Type is ${type}`, type.startsWith('application/jose'));
  const { jwsAlg, jweEnc } = client;
  return (await client.unseal(body.trim(), { jwsAlg, jweEnc })).claims;
}

/** A merchant's server: one path an order, each with its own queue of what came. */
class Receiver {
  #paths = new Map();

  constructor(timeoutMs) {
    this.timeoutMs = timeoutMs;
    this.server = http.createServer((request, reply) => this.#receive(request, reply));
  }

  async listen() {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** An order whose backendURL leads here, and is answered with a status. */
  order(bench, status = 200) {
    const order = bench.order();
    const path = `/notify/${order.orderNo}`;
    const shop = 'https://shop.test';
    order.more = {
      notificationURLs: {
        confirmationURL: `${shop}/ok`,
        failedURL: `${shop}/failed`,
        cancellationURL: `${shop}/cancel`,
        backendURL: `http://127.0.0.1:${this.server.address().port}${path}`,
      },
    };
    this.#paths.set(path, { status, came: [], taken: [] });
    return order;
  }

  answerWith(order, status) {
    this.#of(order).status = status;
  }

  /** How many came that nobody has taken. */
  waiting(order) {
    return this.#of(order).came.length;
  }

  /** The next notification of an order. */
  next(order) {
    const queue = this.#of(order);
    if (queue.came.length > 0) return Promise.resolve(queue.came.shift());
    return new Promise((resolve, reject) => {
      const late = () => reject(new Failed(`no notification within ${this.timeoutMs / 1000} s`));
      const timer = setTimeout(late, this.timeoutMs);
      queue.taken.push((message) => {
        clearTimeout(timer);
        resolve(message);
      });
    });
  }

  #of(order) {
    return this.#paths.get(`/notify/${order.orderNo}`);
  }

  async #receive(request, reply) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const queue = this.#paths.get(request.url);
    reply.writeHead(request.method === 'POST' && queue ? queue.status : 404).end('OK');
    if (!queue) return;
    const message = { headers: request.headers, body: Buffer.concat(chunks).toString('utf8') };
    const taker = queue.taken.shift();
    if (taker) taker(message);
    else queue.came.push(message);
  }
}
