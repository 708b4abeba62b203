// A PACO merchant as an integrator would write it in Node, on jose and the standard library.
//
// Every request is signed and then encrypted; every answer is decrypted and then verified before
// its content is looked at, as strictly as the strictest client that is known: the algorithms of
// the request only, issuer, audience, and times without any drift.

import { createPrivateKey, createPublicKey, randomUUID } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';

import { CompactEncrypt, CompactSign, compactDecrypt, jwtVerify } from 'jose';

export const JWS_ALGS = ['PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'];
export const JWE_ENCS = [
  'A128CBC-HS256',
  'A192CBC-HS384',
  'A256CBC-HS512',
  'A128GCM',
  'A192GCM',
  'A256GCM',
];
export const MEDIA = { jose: 'application/jose; charset=utf-8', json: 'application/json' };

/** The answer is not what the gateway signed for this merchant. */
export class UntrustedAnswer extends Error {}

/** The four keys of a client, out of the texts of the exported files. */
export function keysOf(files) {
  return {
    signingKey: createPrivateKey(files['merchant-signing.private.pem']),
    encryptionKey: createPrivateKey(files['merchant-encryption.private.pem']),
    gatewaySigningKey: createPublicKey(files['paco-signing.public.pem']),
    gatewayEncryptionKey: createPublicKey(files['paco-encryption.public.pem']),
  };
}

/** The gateway's amount object. The text is made of whole minor units, never of a product of floats. */
export function amount(minor, currencyCode = 'NPR', decimalPlaces = 2) {
  return {
    amountText: String(minor).padStart(12, '0'),
    currencyCode,
    decimalPlaces,
    amount: minor / 10 ** decimalPlaces,
  };
}

export class PacoClient {
  constructor(options) {
    this.baseUrl = options.baseUrl;
    this.token = options.token;
    this.kid = options.kid;
    this.signingKey = options.signingKey;
    this.encryptionKey = options.encryptionKey;
    this.gatewaySigningKey = options.gatewaySigningKey;
    this.gatewayEncryptionKey = options.gatewayEncryptionKey;
    /** `{user, password}`, or null as most live clients send none. */
    this.basic = options.basic ?? null;
    this.jwsAlg = options.jwsAlg ?? 'PS256';
    this.jweEnc = options.jweEnc ?? 'A128CBC-HS256';
    /** PEM of the CA to trust instead of the system's. */
    this.ca = options.ca;
    /** `{host, port}` to connect to, whatever the URL says. */
    this.connectTo = options.connectTo;
    this.timeoutMs = options.timeoutMs ?? 30_000;
  }

  // The operations.

  prePaymentUi(order, how = {}) {
    return this.call('POST', 'Payment/prePaymentUi', this.paymentRequest(order), how);
  }

  nonUi(order, card, how = {}) {
    const request = { ...this.paymentRequest(order), creditCardDetails: card };
    return this.call('POST', 'Payment/nonUi', request, how);
  }

  transactionStatus(orderNo, { version = '2.0', headers = {} } = {}) {
    // The inquiry is never JOSE, neither the question nor the answer.
    const path = `/api/${version}/Inquiry/transactionStatus?${new URLSearchParams({ orderNo })}`;
    const usual = { apiKey: this.token, Accept: MEDIA.json, 'Content-Type': MEDIA.json };
    return this.send('GET', path, { ...usual, ...headers }, null);
  }

  transactionList(search, how = {}) {
    const request = { apiRequest: this.apiRequest(), advSearchParams: search };
    return this.call('POST', 'Inquiry/transactionList', request, how);
  }

  void(order, approvalCode, how = {}) {
    const request = { ...this.followUp(order, approvalCode), voidAmount: order.amount };
    return this.call('POST', 'Void', request, how);
  }

  settlement(order, approvalCode, how = {}) {
    const request = { ...this.followUp(order, approvalCode), settlementAmount: order.amount };
    return this.call('PUT', 'Settlement', request, how);
  }

  refund(order, refundAmount = order.amount, how = {}) {
    const request = {
      apiRequest: this.apiRequest(),
      officeId: order.officeId,
      orderNo: order.orderNo,
      refundAmount,
      refundItems: [],
      localMakerChecker: { maker: { username: 'demo-clerk', email: 'clerk@shop.test' } },
    };
    return this.call('POST', 'Refund/refund', request, how);
  }

  // What a request consists of.

  apiRequest() {
    return {
      requestMessageID: randomUUID(),
      requestDateTime: new Date().toISOString(),
      language: 'en-US',
    };
  }

  paymentRequest(order) {
    return {
      apiRequest: this.apiRequest(),
      officeId: order.officeId,
      orderNo: order.orderNo,
      productDescription: order.description,
      paymentType: 'CC',
      paymentCategory: 'ECOM',
      // The template literal of the official sample, which nearly every client still sends.
      storeCardDetails: { storeCardFlag: 'N', storedCardUniqueID: '{{guid}}' },
      installmentPaymentDetails: { ippFlag: 'N', installmentPeriod: 0, interestType: null },
      mcpFlag: 'N',
      request3dsFlag: 'N',
      transactionAmount: order.amount,
      // Nobody's name: what is notified there must not reach whoever listens on this machine.
      notificationURLs: {
        confirmationURL: 'https://shop.test/ok',
        failedURL: 'https://shop.test/failed',
        cancellationURL: 'https://shop.test/cancel',
        backendURL: 'https://shop.test/notify',
      },
      deviceDetails: {
        browserIp: '192.0.2.10',
        browser: 'Firefox',
        browserUserAgent: 'Mozilla/5.0',
        mobileDeviceFlag: 'N',
      },
      ...order.more,
    };
  }

  /** Void and Settlement as the official sample has them. */
  followUp(order, issuerApprovalCode) {
    return {
      officeId: order.officeId,
      orderNo: order.orderNo,
      productDescription: order.description,
      issuerApprovalCode,
      actionBy: 'demo-clerk',
    };
  }

  requestClaims(request) {
    const now = Math.floor(Date.now() / 1000);
    return {
      request,
      iss: this.token,
      aud: 'PacoAudience',
      CompanyApiKey: this.token,
      iat: now,
      nbf: now,
      exp: now + 3600,
    };
  }

  async seal(claims) {
    const signed = await new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: this.jwsAlg, typ: 'JWT' })
      .sign(this.signingKey);
    return new CompactEncrypt(Buffer.from(signed))
      .setProtectedHeader({ alg: 'RSA-OAEP', enc: this.jweEnc, kid: this.kid, typ: 'JWT' })
      .encrypt(this.gatewayEncryptionKey);
  }

  // What an answer must prove.

  async unseal(token, { jwsAlg = 'PS256', jweEnc = 'A128CBC-HS256' } = {}) {
    const outer = await compactDecrypt(token, this.encryptionKey, {
      keyManagementAlgorithms: ['RSA-OAEP'],
      contentEncryptionAlgorithms: [jweEnc],
    });
    const inner = await jwtVerify(Buffer.from(outer.plaintext).toString(), this.gatewaySigningKey, {
      algorithms: [jwsAlg],
      issuer: 'PacoIssuer',
      audience: this.token,
      clockTolerance: 0,
      requiredClaims: ['iat', 'nbf', 'exp'],
    });
    // jose lets an audience be a list, and looks at iat only when an age is asked for.
    const claims = inner.payload;
    if (claims.aud !== this.token) throw new UntrustedAnswer('aud is not the bare access token');
    if (!(claims.iat <= Date.now() / 1000)) {
      throw new UntrustedAnswer(`iat ${claims.iat} is in the future`);
    }
    return { jweHeader: outer.protectedHeader, jwsHeader: inner.protectedHeader, claims };
  }

  // The wire.

  /**
   * Sends `request` as JOSE or JSON. `accept` is 'same' (as sent), 'jose', 'json', a whole header
   * value, or null for none.
   */
  async call(method, path, request, { version = '2.0', send = 'jose', accept = 'same' } = {}) {
    const headers = this.headers(send, accept);
    const sealed = send === 'jose';
    const body = sealed ? await this.seal(this.requestClaims(request)) : JSON.stringify(request);
    const asked = sealed ? { jwsAlg: this.jwsAlg, jweEnc: this.jweEnc } : {};
    const answer = await this.send(method, `/api/${version}/${path}`, headers, body, asked);
    this.#verifyEcho(request, answer);
    return answer;
  }

  /** A sealed answer must be the answer to this request, and not that to an earlier one. */
  #verifyEcho(request, answer) {
    const sent = request.apiRequest?.requestMessageID;
    const { apiResponse, ApiResponse } = answer.body ?? {};
    const echoed =
      apiResponse?.responseToRequestMessageId ?? ApiResponse?.ResponseToRequestMessageId;
    if (answer.sealed && sent && echoed && sent !== echoed) {
      throw new UntrustedAnswer(`this answers the message ${echoed}, sent was ${sent}`);
    }
  }

  headers(send = 'jose', accept = 'same') {
    const headers = { 'Content-Type': MEDIA[send], token: this.token };
    headers[send === 'jose' ? 'CompanyApiKey' : 'apiKey'] = this.token;
    const wanted = accept === 'same' ? send : accept;
    if (wanted !== null) {
      headers.Accept = { jose: 'application/jose', json: MEDIA.json }[wanted] ?? wanted;
    }
    if (this.basic) {
      const pair = `${this.basic.user}:${this.basic.password}`;
      headers.Authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
    }
    return headers;
  }

  /** Sends any bytes and opens the answer; `asked` are the algorithms that it must have. */
  async send(method, path, headers, body, asked) {
    const reply = await this.#exchange(method, path, headers, body);
    const mediaType = (reply.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
    const answer = {
      status: reply.status,
      headers: reply.headers,
      text: reply.text,
      mediaType,
      exchange: reply.headers['sandgate-exchange'],
      sealed: false,
      body: null,
    };
    if (mediaType === 'application/jose') {
      // A gateway may wrap the token in double quotes, as a JSON string.
      const token = reply.text.trim().replace(/^"(.*)"$/, '$1');
      Object.assign(answer, await this.unseal(token, asked), { sealed: true });
      answer.body = answer.claims.response;
    } else if (mediaType === 'application/json') {
      answer.body = JSON.parse(reply.text);
    } else if (reply.text !== '') {
      throw new UntrustedAnswer(`HTTP ${reply.status} with the content type "${mediaType}"`);
    }
    return answer;
  }

  #exchange(method, path, headers, body) {
    const url = new URL(path, this.baseUrl);
    const secure = url.protocol === 'https:';
    const options = {
      method,
      headers: { Host: url.host, ...headers },
      host: this.connectTo?.host ?? url.hostname,
      port: this.connectTo?.port ?? (url.port || (secure ? 443 : 80)),
      path: url.pathname + url.search,
      agent: false,
      signal: AbortSignal.timeout(this.timeoutMs),
      ...(secure ? { ca: this.ca, ...serverName(url.hostname) } : {}),
    };
    return new Promise((resolve, reject) => {
      const request = (secure ? https : http).request(options, (reply) => {
        const chunks = [];
        reply.on('data', (chunk) => chunks.push(chunk));
        reply.on('error', reject);
        reply.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: reply.statusCode, headers: reply.headers, text });
        });
      });
      request.on('error', reject);
      request.end(body ?? undefined);
    });
  }
}

/** SNI carries names only, never addresses. */
function serverName(hostname) {
  return /^[\d.]+$|:/.test(hostname) ? {} : { servername: hostname };
}
