// Keys that the merchant did not get from the demo: made by the server, and made here.

import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';

import { CARD, expectSealed, expectUnopened } from '../bench.mjs';
import { expect, expectTrue, member } from '../report.mjs';

const rsa = (modulusLength) => promisify(generateKeyPair)('rsa', { modulusLength });
const pem = (key) => key.export({ type: 'spki', format: 'pem' });
const base64 = (key) => key.export({ type: 'spki', format: 'der' }).toString('base64');

export async function keys(bench) {
  await generated(bench);
  await uploaded(bench);
  await damaged(bench);
}

async function generated(bench) {
  let own;
  await bench.check('generated keys come with the credentials and work', async () => {
    own = await bench.merchant({ credentials: { keys: 'generate' } });
    const demo = bench.files['merchant-signing.public.pem'];
    expectTrue('they are the demo keys', own.files['merchant-signing.public.pem'] !== demo);
    await bench.approve(own.client);
  });

  await bench.check("with generated keys the demo's signature is not enough", async () => {
    expectTrue('needs the merchant of the check before', own);
    const client = bench.client({ ...own.client, signingKey: bench.demo.signingKey });
    const answer = await client.prePaymentUi(bench.order());
    expectUnopened(answer);
    await bench.expectRefusal(answer, 'paco.signature', 'paco.signed_with_demo_key');
  });
}

async function uploaded(bench) {
  let signing, encryption;
  await bench.check('uploaded keys of 4096 bits are accepted and work', async () => {
    [signing, encryption] = await Promise.all([rsa(4096), rsa(4096)]);
    await useUploaded(pem(signing.publicKey), base64(encryption.publicKey));
  });

  await bench.check('uploaded keys may be JWKs', async () => {
    expectTrue('needs the keys of the check before', encryption);
    const jwk = (pair) => pair.publicKey.export({ format: 'jwk' });
    await useUploaded(jwk(signing), jwk(encryption));
  });

  async function useUploaded(signingPublic, encryptionPublic) {
    const keys = { signing_public_key: signingPublic, encryption_public_key: encryptionPublic };
    const made = await bench.sandgate.newMerchant({ credentials: { keys } });
    const client = bench.client({
      token: member(made, 'credentials', 'access_token'),
      basic: made.credentials.basic,
      signingKey: signing.privateKey,
      encryptionKey: encryption.privateKey,
    });
    expectSealed(await client.nonUi(bench.order(), CARD), 200, 'PC-B050000');
    const swapped = bench.client({ ...client, signingKey: encryption.privateKey });
    const answer = await swapped.prePaymentUi(bench.order());
    expectUnopened(answer);
    await bench.expectRefusal(answer, 'paco.signature', 'paco.signed_with_encryption_key');
  }

  await bench.check('2048 bits are refused, and accepted where the setting allows them', async () => {
    const short = await rsa(2048);
    const reason = await refusedUpload(bench, pem(short.publicKey));
    expectTrue(`the reason is ${reason}`, reason.includes('2048') && reason.includes('4096'));
    const keys = { signing_public_key: pem(short.publicKey) };
    const settings = { merchant_key_bits: 'min_2048' };
    const made = await bench.sandgate.newMerchant({ settings, credentials: { keys } });
    const client = bench.client({
      token: made.credentials.access_token,
      basic: null,
      signingKey: short.privateKey,
    });
    // Without an encryption key on file only plain answers can be had.
    const answer = await client.prePaymentUi(bench.order(), { accept: 'json' });
    expect('status', answer.status, 200);
  });
}

/** What environment variables, editors and haste do to keys. */
async function damaged(bench) {
  const whole = bench.files['merchant-signing.public.pem'];
  for (const [title, text, wanted] of [
    ['with literal \\n in place of line breaks', whole.replaceAll('\n', '\\n'), 'two characters'],
    ['wrapped in quotes', `"${whole.trim()}"`, 'quotes'],
    ['that is the private half', bench.files['merchant-signing.private.pem'], 'private key'],
    ['that is cut off', whole.slice(0, 400), 'END'],
    ['of another algorithm', await edwardsKey(), 'RSA'],
  ]) {
    await bench.check(`an uploaded key ${title} is refused with the reason`, async () => {
      const reason = await refusedUpload(bench, text);
      expectTrue(`the reason is ${reason}`, reason.includes(wanted));
    });
  }

  await bench.check('a PEM without the line break before its END line is read', async () => {
    const joined = whole.replace('\n-----END', '-----END');
    await bench.sandgate.newMerchant({ credentials: { keys: { signing_public_key: joined } } });
  });

  await bench.check('bare base64 that lost its padding is read, or refused with the reason', async () => {
    const bare = bench.files['merchant-signing.public.b64'].trim().replace(/=+$/, '');
    const credentials = { keys: { signing_public_key: bare } };
    const answer = await bench.sandgate.admin('POST', '/merchants', { provider: 'paco', credentials });
    expectTrue(`answered ${answer.status}`, answer.status === 201 || answer.body.detail);
  });
}

async function edwardsKey() {
  return pem((await promisify(generateKeyPair)('ed25519')).publicKey);
}

async function refusedUpload(bench, key) {
  const credentials = { keys: { signing_public_key: key } };
  const answer = await bench.sandgate.admin('POST', '/merchants', { provider: 'paco', credentials });
  expect('status', answer.status, 400);
  return JSON.stringify(answer.body);
}
