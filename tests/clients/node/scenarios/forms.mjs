// Algorithms, plain and mixed forms, TLS and the front door.

import tls from 'node:tls';

import { CARD, expectJson, expectSealed } from '../bench.mjs';
import { JWE_ENCS, JWS_ALGS } from '../paco-client.mjs';
import { Failed, expect, expectTrue, member } from '../report.mjs';

const UAT_HOST = 'core.demo-paco.2c2p.com';
const PRD_HOST = 'core.paco.2c2p.com';

export async function algorithms(bench) {
  for (const jwsAlg of JWS_ALGS) {
    for (const jweEnc of JWE_ENCS) {
      await bench.check(`${jwsAlg} in RSA-OAEP with ${jweEnc}, both ways`, async () => {
        // The client takes no answer with any other algorithm than the request had. Basic
        // credentials stay out, as most live clients send none.
        const client = bench.client({ jwsAlg, jweEnc, basic: null });
        const answer = await client.prePaymentUi(bench.order());
        expectSealed(answer, 200, 'PC-B050001');
        expect('JWE alg', answer.jweHeader.alg, 'RSA-OAEP');
        expect('JWE enc', answer.jweHeader.enc, jweEnc);
        expect('JWS alg', answer.jwsHeader.alg, jwsAlg);
      });
    }
  }
}

export async function forms(bench) {
  await bench.check('plain JSON in, plain JSON out, camelCase in every version', async () => {
    for (const version of ['1.0', '2.0']) {
      const how = { send: 'json', version };
      const answer = await bench.client().prePaymentUi(bench.order(), how);
      expectJson(answer, 200, 'PC-B050001');
      expect('members', Object.keys(answer.body), ['data', 'version', 'apiResponse']);
      member(answer.body, 'data', 'paymentIncompleteResult', 'invoiceNo2C2P');
    }
  });

  await bench.check('a whole life in plain JSON: nonUi, Void, refusal', async () => {
    const client = bench.client();
    const order = bench.order();
    const paid = await client.nonUi(order, CARD, { send: 'json' });
    expectJson(paid, 200, 'PC-B050000');
    const { approvalCode } = paid.body.data.paymentResult;
    expectJson(await client.void(order, approvalCode, { send: 'json' }), 200, 'PC-B050000');
    expectJson(await client.void(order, approvalCode, { send: 'json' }), 400, 'PC-B050013');
  });

  for (const [send, accept, sealed] of [
    ['jose', 'json', false],
    ['json', 'jose', true],
    ['jose', null, true],
    ['json', null, false],
    ['jose', '*/*', true],
    ['json', '*/*', false],
    ['jose', 'application/json;q=0.9, application/jose', true],
    ['jose', 'application/json, application/jose;q=0.1', false],
    ['json', 'text/html, application/jose', true],
  ]) {
    const title = `${send} with Accept ${accept ?? 'left out'} is answered ${sealed ? 'sealed' : 'plain'}`;
    await bench.check(title, async () => {
      const answer = await bench.client().prePaymentUi(bench.order(), { send, accept });
      (sealed ? expectSealed : expectJson)(answer, 200, 'PC-B050001');
    });
  }

  for (const name of ['token', 'CompanyApiKey', 'apiKey']) {
    await bench.check(`the header ${name} alone is enough`, async () => {
      const client = bench.client();
      const { token, CompanyApiKey, apiKey, ...rest } = client.headers();
      const body = await client.seal(client.requestClaims(client.paymentRequest(bench.order())));
      const headers = { ...rest, [name]: client.token };
      const answer = await client.send('POST', '/api/2.0/Payment/prePaymentUi', headers, body);
      expectSealed(answer, 200, 'PC-B050001');
    });
  }
}

export async function connections(bench) {
  const ca = bench.files['ca.pem'];
  const securely = new URL(bench.demo.baseUrl);
  securely.protocol = 'https:';
  const overTls = { baseUrl: securely.href, ca };

  await bench.check('HTTPS on the same port, trusting ca.pem alone', async () => {
    const answer = await bench.client(overTls).prePaymentUi(bench.order());
    expectSealed(answer, 200, 'PC-B050001');
    const page = member(answer.body, 'data', 'paymentPage', 'paymentPageURL');
    expectTrue(`the page is ${page}`, page.startsWith(securely.origin));
  });

  await bench.check('HTTPS without ca.pem is not trusted, and the journal says so', async () => {
    const client = bench.client({ ...overTls, ca: tls.rootCertificates });
    await expectUntrusted(client.prePaymentUi(bench.order()));
    const path = '/exchanges?verdict=handshake_failed&limit=1&wait_ms=5000';
    const journal = await bench.sandgate.admin('GET', path);
    expect('failed handshakes', journal.body.items.length, 1);
  });

  await bench.check('the front door finds UAT by its name', async () => {
    const client = bench.client(frontDoor(bench, UAT_HOST));
    const answer = await client.prePaymentUi(bench.order());
    expectSealed(answer, 200, 'PC-B050001');
    const page = new URL(member(answer.body, 'data', 'paymentPage', 'paymentPageURL'));
    expect('host of the page', page.hostname, 'payment.demo-paco.2c2p.com');
  });

  await bench.check('the front door has no certificate for a name that is nobody\'s', async () => {
    await expectUntrusted(bench.client(frontDoor(bench, 'core.example.test')).transactionStatus('1'));
  });

  await production(bench);
}

/** PRD by its name: other keys, another kid, an address list that must be set, no plain JSON. */
async function production(bench) {
  const enrol = (settings) => bench.merchant({ settings: { environment: 'prd', ...settings } });
  let open;
  await bench.check('the front door finds PRD by its name, with other keys and kid', async () => {
    open = await enrol({ ip_allow_list: ['127.0.0.0/8'] });
    expect('kid', open.client.kid, '19f84b5655f04e25a99b09f1ee2fac78');
    Object.assign(open.client, frontDoor(bench, PRD_HOST));
    expectSealed(await open.client.prePaymentUi(bench.order()), 200, 'PC-B050001');
  });

  await bench.check('PRD refuses plain JSON', async () => {
    expectTrue('needs the merchant of the check before', open);
    const answer = await open.client.prePaymentUi(bench.order(), { send: 'json' });
    expectJson(answer, 400);
    expect('body', answer.body, { message: 'Message encryption is required' });
    await bench.expectRefusal(answer, 'paco.message_encryption');
  });

  await bench.check('PRD refuses an address that is not on its list', async () => {
    const { client } = await enrol({ ip_allow_list: ['192.0.2.0/24'] });
    Object.assign(client, frontDoor(bench, PRD_HOST));
    const answer = await client.prePaymentUi(bench.order());
    expectJson(answer, 403);
    expect('body', answer.body, { message: 'Access Denied' });
    await bench.expectRefusal(answer, 'paco.source_address');
  });

  await bench.check('PRD at its own port refuses plain HTTP', async () => {
    const { client } = await enrol({ ip_allow_list: ['127.0.0.0/8'] });
    const answer = await client.prePaymentUi(bench.order());
    expectJson(answer, 403);
    await bench.expectRefusal(answer, 'paco.https');
  });
}

function frontDoor(bench, host) {
  const door = new URL(bench.sandgate.urls.front_door);
  return {
    baseUrl: `https://${host}`,
    ca: bench.files['ca.pem'],
    connectTo: { host: door.hostname, port: door.port },
  };
}

async function expectUntrusted(call) {
  try {
    await call;
  } catch (error) {
    const refused = /CERT|UNABLE_TO|ERR_TLS|ERR_SSL|ECONNRESET/.test(error.code ?? '');
    if (refused) return;
    throw error;
  }
  throw new Failed('the connection was trusted');
}
