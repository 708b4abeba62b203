// The table turned: the gateway answers with one thing wrong, and this client must not take it. It
// shows that what passes elsewhere in this run has been verified.

import { CARD } from '../bench.mjs';
import { Failed, expect, expectTrue } from '../report.mjs';

const WRONG = [
  ['tampered_tag', 'ERR_JWE_DECRYPTION_FAILED'],
  ['wrong_encryption_key', 'ERR_JWE_DECRYPTION_FAILED'],
  ['wrong_signing_key', 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'],
  ['wrong_audience', 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
  ['wrong_issuer', 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
  ['expired', 'ERR_JWT_EXPIRED'],
  ['replayed', 'this answers the message'],
];

export async function misbehaviour(bench) {
  const { id, client } = await bench.merchant();
  for (const [misbehave, reason] of WRONG) {
    await bench.check(`an answer that is ${misbehave.replaceAll('_', ' ')} is not taken`, async () => {
      await bench.approve(client);
      const rule = { when: { endpoint: 'nonUi' }, misbehave };
      const armed = await bench.sandgate.admin('POST', '/scenarios/armed', { merchant: id, rule });
      expectTrue(`arming answered ${armed.status}`, armed.status < 300);
      expect('what this client says', await refusalOf(client.nonUi(bench.order(), CARD)), reason);
    });
  }
}

async function refusalOf(call) {
  try {
    await call;
  } catch (error) {
    return error.code ?? WRONG.find(([, reason]) => error.message.startsWith(reason))?.[1] ?? error.message;
  }
  throw new Failed('the answer was taken');
}
