// The mistakes that real integrations make and that a server can see. Each is made on purpose; the
// gateway's answer must be as terse as ever, and the explanation must name the mistake.

import {
  CARD,
  expectAccessDenied,
  expectBusinessRefusal,
  expectJson,
  expectNamed,
  expectSealed,
  expectUnopened,
} from '../bench.mjs';
import { hs256, jwe, jws, unsigned } from '../forge.mjs';
import { MEDIA, amount } from '../paco-client.mjs';
import { expect, expectTrue } from '../report.mjs';

const PATH = '/api/2.0/Payment/prePaymentUi';

export async function mistakes(bench) {
  const scene = await prepare(bench);
  await credentials(scene);
  await layers(scene);
  await keysAndKid(scene);
  await signatures(scene);
  await claims(scene);
  await times(scene);
  await members(scene);
  await inquiries(scene);
  await bench.check('after all mistakes an honest request is accepted', async () => {
    expectSealed(await scene.client.prePaymentUi(bench.order()), 200, 'PC-B050001');
  });
}

async function prepare(bench) {
  const prd = await bench.merchant({ settings: { environment: 'prd' } });
  return new Scene(bench, bench.client(), prd.client);
}

/** Makes messages that are right but for one thing, and sends them. */
class Scene {
  constructor(bench, client, production) {
    this.bench = bench;
    this.client = client;
    this.production = production;
  }

  claims(changes = {}) {
    const request = this.client.paymentRequest(this.bench.order());
    return { ...this.client.requestClaims(request), ...changes };
  }

  signed(claims = this.claims(), how = {}, key = this.client.signingKey) {
    return jws(JSON.stringify(claims), key, how);
  }

  encrypted(inner = this.signed(), how = {}, key = this.client.gatewayEncryptionKey) {
    const header = { kid: this.client.kid, typ: 'JWT', ...how.header };
    return jwe(inner, key, { ...how, header });
  }

  post(body, headers = {}) {
    return this.client.send('POST', PATH, { ...this.client.headers(), ...headers }, body, {
      jwsAlg: 'PS256',
      jweEnc: 'A128GCM',
    });
  }

  /** A body that cannot be opened is refused in plain words that say nothing. */
  unopened(title, body, check, ...nearMisses) {
    return this.bench.check(`${title}: ${check}`, async () => {
      const answer = await this.post(body());
      const late = check === 'paco.expiry' || check === 'paco.lifetime';
      expectUnopened(answer, late ? 'Token is expired' : 'Invalid token');
      await this.bench.expectRefusal(answer, check, ...nearMisses);
    });
  }

  /** A message that opens and whose members are wrong is refused in a sealed answer. */
  misfit(title, more, wanted, ...nearMisses) {
    return this.bench.check(`${title}: paco.fields`, async () => {
      const right = this.client.paymentRequest(this.bench.order());
      const request = { ...right, creditCardDetails: CARD, ...more };
      const answer = await this.client.call('POST', 'Payment/nonUi', request);
      expectSealed(answer, 400, 'PC-B050095');
      const { failed } = await this.bench.expectRefusal(answer, 'paco.fields', ...nearMisses);
      const told = `${failed.expected}, got ${failed.got} ${failed.detail ?? ''}`;
      expectTrue(`the explanation says ${told}`, told.includes(wanted));
    });
  }
}

async function credentials(scene) {
  const { bench } = scene;
  const wrong = '0123456789abcdef'.repeat(2);
  const honest = scene.client.token;

  for (const [title, token, ...nearMisses] of [
    ['a token that is nobody\'s', wrong],
    ['a token in quotes', `"${honest}"`, ['paco.damaged_access_token', 'quotes']],
    ['a token in capitals', honest.toUpperCase(), ['paco.damaged_access_token', 'lower-case']],
    ['a token with dashes', dashed(honest), ['paco.damaged_access_token', 'dashes']],
    ['a token after Bearer', `Bearer ${honest}`, ['paco.damaged_access_token', 'Bearer']],
  ]) {
    await bench.check(`${title}: Access Denied, paco.token`, async () => {
      const headers = { ...scene.client.headers('json'), token, apiKey: token };
      const answer = await scene.client.send('POST', PATH, headers, '{}');
      expectAccessDenied(answer);
      await bench.expectRefusal(answer, 'paco.token', ...nearMisses);
    });
  }

  await bench.check('the token as Authorization: Bearer: Access Denied, paco.token', async () => {
    const headers = { Authorization: `Bearer ${honest}`, 'Content-Type': MEDIA.json };
    const answer = await scene.client.send('POST', PATH, headers, '{}');
    expectAccessDenied(answer);
    await bench.expectRefusal(answer, 'paco.token', 'paco.bearer_token');
  });

  await bench.check('a wrong Basic password: Access Denied with a challenge, paco.basic', async () => {
    const client = bench.client({ basic: { user: 'demo-paco', password: 'not-the-password' } });
    const answer = await client.prePaymentUi(bench.order());
    expectAccessDenied(answer);
    const challenge = answer.headers['www-authenticate'] ?? 'missing';
    expectTrue(`WWW-Authenticate is ${challenge}`, /^basic/i.test(challenge));
    await bench.expectRefusal(answer, 'paco.basic');
  });

  await bench.check('another Content-Type: 415, paco.content_type', async () => {
    const answer = await scene.post(scene.encrypted(), { 'Content-Type': 'text/plain' });
    expectJson(answer, 415);
    await bench.expectRefusal(answer, 'paco.content_type');
  });
}

function dashed(token) {
  return [[0, 8], [8, 12], [12, 16], [16, 20], [20]].map((cut) => token.slice(...cut)).join('-');
}

async function layers(scene) {
  const { token } = scene.client;
  const text = () => JSON.stringify(scene.claims());
  await scene.unopened('a single HS256 token, as another product takes it (mistake 3)',
    () => hs256(text(), token), 'paco.jwe',
    'paco.v4_token', ['paco.hmac_signature', 'the access token']);
  await scene.unopened('a JWS without encryption', () => scene.signed(), 'paco.jwe',
    'paco.encryption_missing');
  await scene.unopened('a JWE without signature', () => scene.encrypted(text()), 'paco.jws',
    'paco.signature_missing');
  await scene.unopened('encrypted first, then signed',
    () => jws(scene.encrypted(text()), scene.client.signingKey), 'paco.jwe',
    'paco.layers_in_wrong_order');
  await scene.unopened('a token in double quotes (mistake 20)', () => `"${scene.encrypted()}"`,
    'paco.jwe', ['paco.damaged_token_text', 'quotes']);
  await scene.unopened('a token broken into lines',
    () => scene.encrypted().replace(/.{76}/g, '$&\n'), 'paco.jwe',
    ['paco.damaged_token_text', 'lines']);
  await scene.unopened('a token as a form field', () => `payload=${scene.encrypted()}`, 'paco.jwe',
    ['paco.damaged_token_text', 'form field']);
  await scene.unopened('a plain body declared as JOSE', text, 'paco.jwe', 'paco.json_sent_as_jose');
  await scene.unopened('an empty body', () => '', 'paco.jwe');

  await scene.bench.check('a sealed body declared as JSON: paco.request', async () => {
    const answer = await scene.post(scene.encrypted(), { 'Content-Type': MEDIA.json });
    expect('status', answer.status, 400);
    await scene.bench.expectRefusal(answer, 'paco.request', 'paco.jose_sent_as_json');
  });

  await scene.bench.check('a plain body wrapped in request: paco.fields', async () => {
    const { request } = scene.claims();
    const headers = scene.client.headers('json');
    const answer = await scene.client.send('POST', PATH, headers, JSON.stringify({ request }));
    expectJson(answer, 400, 'PC-B050095');
    await scene.bench.expectRefusal(answer, 'paco.fields', 'paco.request_wrapped_in_json');
  });
}

async function keysAndKid(scene) {
  const { client, production } = scene;
  const toPrd = (how) => scene.encrypted(scene.signed(), how, production.gatewayEncryptionKey);
  await scene.unopened("PRD's key in UAT (mistake 4)", () => toPrd(), 'paco.decryption',
    ['paco.environments_mixed_up', 'encrypted to the PRD key']);
  await scene.unopened("PRD's kid in UAT (mistake 4)",
    () => scene.encrypted(scene.signed(), { header: { kid: production.kid } }), 'paco.kid',
    ['paco.environments_mixed_up', 'the key is that of UAT']);
  await scene.unopened("PRD's key and kid in UAT (mistake 4)",
    () => toPrd({ header: { kid: production.kid } }), 'paco.kid',
    ['paco.environments_mixed_up', 'both those of PRD']);
  for (const kid of ['', undefined]) {
    const title = kid === '' ? 'an empty kid (mistake 5)' : 'no kid (mistake 5)';
    await scene.unopened(title, () => scene.encrypted(scene.signed(), { header: { kid } }),
      'paco.kid', ['paco.kid_missing', client.kid]);
  }
  await scene.unopened("encrypted to the gateway's signing key (mistake 6)",
    () => scene.encrypted(scene.signed(), {}, client.gatewaySigningKey), 'paco.decryption',
    ['paco.encrypted_to_signing_key', 'UAT signing key']);
  for (const [declared, wrapped, check] of [
    ['RSA-OAEP-256', 'RSA-OAEP-256', 'paco.jwe_alg'],
    ['RSA1_5', 'RSA1_5', 'paco.jwe_alg'],
    ['RSA-OAEP', 'RSA-OAEP-256', 'paco.decryption'],
    ['RSA-OAEP', 'RSA1_5', 'paco.decryption'],
  ]) {
    const title = declared === wrapped ? `alg ${declared}` : `${wrapped} declared as ${declared}`;
    await scene.unopened(title,
      () => scene.encrypted(scene.signed(), { header: { alg: declared }, wrapped }), check,
      ['paco.wrong_key_encryption', wrapped]);
  }
  await scene.unopened('enc A128GCMKW', () =>
    scene.encrypted(scene.signed(), { header: { enc: 'A128GCMKW' } }), 'paco.jwe_enc');
}

async function signatures(scene) {
  const { client } = scene;
  const around = (inner) => scene.encrypted(inner);
  const pem = scene.bench.files['merchant-signing.public.pem'];
  await scene.unopened("signed with the merchant's encryption key (mistake 6)",
    () => around(scene.signed(scene.claims(), {}, client.encryptionKey)), 'paco.signature',
    'paco.signed_with_encryption_key');
  await scene.unopened('HS256 under the public key',
    () => around(hs256(JSON.stringify(scene.claims()), pem)), 'paco.jws_alg',
    ['paco.hmac_signature', "the signing public key's PEM"]);
  await scene.unopened('alg none', () => around(unsigned(JSON.stringify(scene.claims()))),
    'paco.jws_alg', 'paco.alg_none');
  for (const made of ['RS256', 'PS512']) {
    await scene.unopened(`a signature with ${made} declared as PS256`,
      () => around(scene.signed(scene.claims(), { made })), 'paco.signature',
      ['paco.other_algorithm_than_declared', made]);
  }
  await scene.unopened('the payload alone is signed', () => {
    const how = { header: { alg: 'RS256', typ: 'JWT' }, over: 'payload' };
    return around(scene.signed(scene.claims(), how));
  }, 'paco.signature', ['paco.signed_other_text', 'payload alone']);
  await scene.unopened('a changed payload', () => {
    const [header, , signature] = scene.signed().split('.');
    const other = Buffer.from(JSON.stringify(scene.claims())).toString('base64url');
    return around([header, other, signature].join('.'));
  }, 'paco.signature');

  const misspelt = { header: { alg: 'PS256', type: 'JWT' } };
  await scene.bench.check('type for typ is accepted alone (mistake 2)', async () => {
    const answer = await scene.post(around(scene.signed(scene.claims(), misspelt)));
    expectSealed(answer, 200, 'PC-B050001');
  });
  await scene.unopened('type for typ beside a wrong audience (mistake 2)',
    () => around(scene.signed(scene.claims({ aud: 'somebody' }), misspelt)), 'paco.audience',
    'paco.wrong_audience', 'paco.misspelt_typ');
}

async function claims(scene) {
  const sealed = (changes) => () => scene.encrypted(scene.signed(scene.claims(changes)));
  await scene.unopened('PacoIssuer as issuer of a request (mistake 1)',
    sealed({ iss: 'PacoIssuer' }), 'paco.issuer',
    ['paco.wrong_issuer', 'PacoIssuer is the issuer of answers']);
  await scene.unopened('the audience in lower case', sealed({ aud: 'pacoaudience' }),
    'paco.audience', ['paco.wrong_audience', 'upper and lower case']);
  await scene.unopened('the access token as audience', sealed({ aud: scene.client.token }),
    'paco.audience', ['paco.wrong_audience', 'the access token']);
  await scene.unopened('another CompanyApiKey', sealed({ CompanyApiKey: 'f'.repeat(32) }),
    'paco.company_api_key');
  await scene.unopened('claims that are not wrapped in request', () => {
    const { request, ...rest } = scene.claims();
    return scene.encrypted(scene.signed({ ...rest, ...request }));
  }, 'paco.request', 'paco.not_wrapped_in_request');
  await scene.unopened('a crit that nobody knows', () => scene.encrypted(scene.signed(
    scene.claims(), { header: { alg: 'PS256', typ: 'JWT', crit: ['b64'], b64: true } })),
    'paco.crit');

  await scene.bench.check('no CompanyApiKey claim is accepted', async () => {
    const body = sealed({ CompanyApiKey: undefined })();
    expectSealed(await scene.post(body), 200, 'PC-B050001');
  });
  await scene.bench.check('crit of exp, with exp in the header, is accepted', async () => {
    const made = scene.claims();
    const header = { alg: 'PS256', typ: 'JWT', crit: ['exp'], exp: made.exp };
    expectSealed(await scene.post(scene.encrypted(scene.signed(made, { header }))), 200);
  });
}

async function times(scene) {
  const now = () => Math.floor(Date.now() / 1000);
  const sealed = (changes) => () => scene.encrypted(scene.signed(scene.claims(changes())));
  const issued = (offset) => () => {
    const at = now() + offset;
    return { iat: at, nbf: at, exp: at + 3600 };
  };
  await scene.unopened('a clock that stopped two hours ago', sealed(issued(-7000)), 'paco.expiry',
    ['paco.expired', 'ago']);
  await scene.unopened('a token that is kept for too long',
    sealed(() => ({ ...issued(-7000)(), exp: now() + 600 })), 'paco.lifetime', 'paco.expired');
  await scene.unopened('a clock that is ahead (mistake 12)', sealed(issued(200)),
    'paco.not_before', ['paco.not_yet_valid', 'ahead of this clock']);
  await scene.unopened('addHour changed iat and nbf too (mistake 13)', sealed(() => {
    const later = now() + 3600;
    return { iat: later, nbf: later, exp: later };
  }), 'paco.not_before', 'paco.moved_date');
  await scene.unopened("Nepal's local time for UTC", sealed(issued(20_700)), 'paco.not_before',
    ['paco.local_time', '5 h 45 min'], 'paco.not_yet_valid');
  await scene.unopened('milliseconds for seconds', sealed(() => {
    const at = Date.now();
    return { iat: at, nbf: at, exp: at + 3_600_000 };
  }), 'paco.not_before', ['paco.wrong_time_unit', 'milliseconds']);
  await scene.unopened('a time as text', sealed(() => ({ iat: String(now()) })), 'paco.issued_at',
    'paco.time_as_text');
  await scene.unopened('no exp', sealed(() => ({ exp: undefined })), 'paco.expiry');

  await scene.bench.check('half a minute ahead or behind is accepted (mistake 12)', async () => {
    for (const offset of [30, -30]) {
      const body = sealed(issued(offset))();
      expectSealed(await scene.post(body), 200, 'PC-B050001');
    }
  });
  await scene.bench.check('times with a fraction are accepted', async () => {
    const at = Date.now() / 1000 - 1.5;
    const body = sealed(() => ({ iat: at, nbf: at, exp: at + 3600 }))();
    expectSealed(await scene.post(body), 200, 'PC-B050001');
  });
}

async function members(scene) {
  const { bench } = scene;
  const given = (changes) => ({ transactionAmount: { ...amount(12550), ...changes } });
  await scene.misfit('amountText padded but not in minor units (mistake 8)',
    given({ amountText: '000000000125' }), '000000012550', 'paco.amount_text_not_multiplied');
  await scene.misfit('amountText out of a float (mistake 8)', given({ amountText: '12550.0' }),
    'amountText', 'paco.amount_text_of_a_float');
  await scene.misfit('amountText one too large after rounding (mistake 8)',
    given({ amountText: '000000012551' }), '000000012550', 'paco.amount_rounded');
  await scene.misfit('more decimals than the currency has', given({ amount: 125.505 }), 'amount',
    'paco.amount_rounded');
  await scene.misfit('a missing orderNo', { orderNo: undefined }, 'orderNo');
  await scene.misfit('v4 names for members (mistake 3)',
    { orderNo: undefined, officeId: undefined, merchantID: 'DEMO', invoiceNo: '1' }, 'officeId',
    'paco.v4_names');
  await scene.misfit('a card number with a mistyped digit',
    { creditCardDetails: { ...CARD, cardNumber: '4101490000057764' } }, 'cardNumber');
  await goodAnyway(scene);

  await bench.check('an office of nobody: PC-B050095, explained with those that are there', async () => {
    const answer = await scene.client.prePaymentUi(bench.order({ officeId: 'SOMEBODY' }));
    expectSealed(answer, 400, 'PC-B050095');
    const { summary } = await expectBusinessRefusal(bench, answer);
    expectTrue(`the summary says ${summary}`, /SOMEBODY/.test(summary) && /DEMO_MANUAL/.test(summary));
  });

  await bench.check('an office in lower case: PC-B050095, named', async () => {
    const answer = await scene.client.prePaymentUi(bench.order({ officeId: 'demo_manual' }));
    expectSealed(answer, 400, 'PC-B050095');
    await expectBusinessRefusal(bench, answer, 'paco.office_id_misspelt');
  });

  await bench.check('the same orderNo twice (mistake 14): PC-B050095', async () => {
    const order = bench.order();
    expectSealed(await scene.client.prePaymentUi(order), 200, 'PC-B050001');
    const again = await scene.client.prePaymentUi(order);
    expectSealed(again, 400, 'PC-B050095');
    const { summary } = await expectBusinessRefusal(bench, again, 'paco.order_no_reused');
    expectTrue(`the summary says ${summary}`, summary.includes(order.orderNo));
  });

  await bench.check('…Id for …ID and …Url for …URL (mistake 10), by strict_names', async () => {
    const { client } = await bench.merchant({ settings: { strict_names: 'on' } });
    const answer = await client.prePaymentUi(bench.order({ more: generatedNames(client) }));
    expectSealed(answer, 400, 'PC-B050095');
    const { failed } = await bench.expectRefusal(
      answer, 'paco.fields', 'paco.names_in_another_case');
    const told = `${failed.expected} ${failed.got} ${failed.detail}`;
    for (const name of ['requestMessageId', 'backendUrl']) {
      expectTrue(`${name} is not in: ${told}`, told.includes(name));
    }
  });
}

/** What looks like a mistake and is none to this gateway. */
async function goodAnyway(scene) {
  const { bench, client } = scene;
  const item = { purchaseItemType: 'ticket', referenceNo: 'A-1', subMerchantID: 'string' };
  for (const [title, more] of [
    ['an item left at the price of the sample (mistake 9)',
      { purchaseItems: [{ ...item, purchaseItemPrice: amount(100, 'USD') }] }],
    ['…Id for …ID and …Url for …URL by default (mistake 10)', generatedNames(client)],
    ['a return to http and localhost', { notificationURLs: localUrls('URL') }],
    ['a literal {{guid}} (mistake 17)',
      { storeCardDetails: { storeCardFlag: 'N', storedCardUniqueID: '{{guid}}' } }],
    ['members that nobody knows', { shopVersion: '7', nested: { a: [null] } }],
  ]) {
    await bench.check(`${title} is accepted`, async () => {
      expectSealed(await client.prePaymentUi(bench.order({ more })), 200, 'PC-B050001');
    });
  }
}

/** Names as a code generator makes them of camelCase rules. */
function generatedNames(client) {
  const { requestMessageID, ...rest } = client.apiRequest();
  const apiRequest = { requestMessageId: requestMessageID, ...rest };
  return { apiRequest, notificationURLs: localUrls('Url') };
}

function localUrls(ending) {
  const names = ['confirmation', 'failed', 'cancellation', 'backend'];
  return Object.fromEntries(names.map((name) => [`${name}${ending}`, `http://localhost/${name}`]));
}

async function inquiries(scene) {
  const { bench, client } = scene;
  await bench.check('PC-B050000 of an inquiry says nothing about payment (mistake 15)', async () => {
    const order = bench.order();
    expectSealed(await client.prePaymentUi(order), 200);
    await bench.expectInquiry(client, order.orderNo, ['PCPS', 'GP']);
  });

  await bench.check('JOSE declared on transactionStatus (mistake 18) is answered, and named', async () => {
    const { order } = await bench.approve(client);
    const headers = { Accept: 'application/jose', 'Content-Type': MEDIA.jose };
    const answer = await client.transactionStatus(order.orderNo, { headers });
    expectJson(answer, 200, 'PC-B050000');
    const explanation = await bench.sandgate.explanation(answer.exchange);
    expect('verdict', explanation.verdict, 'accepted');
    expectNamed(explanation, ['paco.jose_on_inquiry']);
  });

  await bench.check('transactionStatus without orderNo is refused: paco.fields', async () => {
    const headers = { apiKey: client.token };
    const answer = await client.send('GET', '/api/2.0/Inquiry/transactionStatus', headers, null);
    expectJson(answer, 400, 'PC-B050095');
    await bench.expectRefusal(answer, 'paco.fields');
  });

  await bench.check('`sandgate explain` names the last refused exchange', async () => {
    const answer = await scene.post(scene.encrypted(scene.signed(scene.claims({ aud: 'x' }))));
    const said = JSON.parse(await bench.sandgate.command('explain', '--json'));
    expect('exchange', said.exchange, answer.exchange);
    expect('failed check', said.failed_check, 'paco.audience');
  });
}
