// Tokens that a JOSE library refuses to make: headers that lie, layers that are missing, secrets
// where keys belong. Made by hand from Node's own cryptography.

import { constants, createCipheriv, createHmac, publicEncrypt, randomBytes, sign } from 'node:crypto';

const b64 = (data) => Buffer.from(data).toString('base64url');

const SIGNATURES = {
  PS256: ['sha256', constants.RSA_PKCS1_PSS_PADDING],
  PS512: ['sha512', constants.RSA_PKCS1_PSS_PADDING],
  RS256: ['sha256', constants.RSA_PKCS1_PADDING],
};
const WRAPPINGS = {
  'RSA-OAEP': { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
  'RSA-OAEP-256': { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
  RSA1_5: { padding: constants.RSA_PKCS1_PADDING },
};

/**
 * A compact JWS. `made` is the algorithm of the signature, whatever the header says; `over` picks
 * the text that is signed.
 */
export function jws(payload, key, { header = { alg: 'PS256', typ: 'JWT' }, made, over } = {}) {
  const signingInput = `${b64(JSON.stringify(header))}.${b64(payload)}`;
  const [hash, padding] = SIGNATURES[made ?? header.alg];
  const salt = padding === constants.RSA_PKCS1_PSS_PADDING ? constants.RSA_PSS_SALTLEN_DIGEST : 0;
  const signed = Buffer.from(over === 'payload' ? payload : signingInput);
  const signature = sign(hash, signed, { key, padding, ...(salt ? { saltLength: salt } : {}) });
  return `${signingInput}.${b64(signature)}`;
}

/** A JWS under a shared secret. */
export function hs256(payload, secret) {
  const signingInput = `${b64('{"alg":"HS256","typ":"JWT"}')}.${b64(payload)}`;
  return `${signingInput}.${b64(createHmac('sha256', secret).update(signingInput).digest())}`;
}

/** A JWS that nobody signed. */
export function unsigned(payload) {
  return `${b64('{"alg":"none","typ":"JWT"}')}.${b64(payload)}.`;
}

/** A compact JWE with A128GCM. `wrapped` is how the key is encrypted, whatever the header says. */
export function jwe(plaintext, key, { header, wrapped } = {}) {
  const protectedHeader = b64(JSON.stringify({ alg: 'RSA-OAEP', enc: 'A128GCM', ...header }));
  const contentKey = randomBytes(16);
  const wrapping = WRAPPINGS[wrapped ?? header?.alg ?? 'RSA-OAEP'];
  const encryptedKey = publicEncrypt({ key, ...wrapping }, contentKey);
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-128-gcm', contentKey, iv).setAAD(Buffer.from(protectedHeader));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const parts = [encryptedKey, iv, ciphertext, cipher.getAuthTag()].map(b64);
  return [protectedHeader, ...parts].join('.');
}
