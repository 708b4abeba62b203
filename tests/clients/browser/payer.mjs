// A payer: a browser context of its own, watched for everything that a payment page must not do.

import { chromium } from 'playwright-core';
import { join } from 'node:path';

import { Failed, expect, expectTrue } from '../node/report.mjs';
import { unreadableTexts } from './contrast.mjs';

// No sandbox, since tests run as root in containers; no background traffic, since none may leave.
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const CARD = {
  cardNumber: '4101490000057763',
  cardExpiryMMYY: '1230',
  cvvCode: '719',
  cardHolderName: 'Demo Payer',
};

export function launch(executablePath) {
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

/** Sends one payer through a scenario, and holds what the browser saw against the rules. */
export async function withPayer(browser, local, how, scenario) {
  const { timeoutMs = 30_000, screenshots, ...context } = how;
  const opened = await browser.newContext({ locale: 'en-US', ...context });
  opened.setDefaultTimeout(timeoutMs);
  const payer = new Payer(opened, local, screenshots);
  try {
    payer.watch(await opened.newPage());
    await scenario(payer);
    await payer.settled();
    payer.expectClean();
  } catch (error) {
    throw payer.told(error);
  } finally {
    await opened.close();
  }
}

export class Payer {
  #problems = [];
  #reading = [];
  #documents = new Set();

  constructor(context, local, screenshots) {
    this.context = context;
    this.local = local;
    this.screenshots = screenshots;
  }

  watch(page) {
    this.page ??= page;
    page.on('request', (request) => {
      if (request.resourceType() === 'document') this.#documents.add(request.url());
      const { origin, protocol } = new URL(request.url());
      const here = this.local.includes(origin) || protocol === 'data:' || protocol === 'about:';
      if (!here) this.#problems.push(`a request left for ${request.url()}`);
    });
    page.on('response', (response) => this.#reading.push(this.#judge(response)));
    page.on('console', (message) => {
      // That a page itself came with a 404 is no error of the page.
      const ofPage = this.#documents.has(message.location().url) && /status of 4/.test(message.text());
      if (message.type() === 'error' && !ofPage) {
        this.#problems.push(`the console says: ${message.text()}`);
      }
    });
    page.on('pageerror', (error) => this.#problems.push(`a script failed: ${error.message}`));
    page.on('dialog', (dialog) => {
      this.#problems.push(`a dialog opened: ${dialog.message()}`);
      return dialog.dismiss();
    });
    page.on('popup', (popup) => this.#problems.push(`a window opened: ${popup.url()}`));
    return page;
  }

  async settled() {
    await Promise.all(this.#reading);
  }

  expectClean() {
    if (this.#problems.length > 0) throw new Failed('the browser noticed something');
  }

  /** A failure with where the payer stood and what the browser noticed, which often is the cause. */
  told(error) {
    const [first] = error.message.split('\n');
    const noticed = this.#problems.length > 0 ? `; noticed: ${this.#problems.join('; ')}` : '';
    return new Failed(`${first}, at ${this.page?.url() ?? 'no page'}${noticed}`);
  }

  /** Every document of the gateway forbids itself everything, and has nothing that needs more. */
  async #judge(response) {
    if (new URL(response.url()).origin !== this.local[0]) return;
    if (response.request().resourceType() !== 'document') return;
    const headers = await response.allHeaders();
    if (headers.location) return;
    const policy = headers['content-security-policy'] ?? '';
    const where = `${response.status()} ${response.url()}`;
    if (!/(^|;)\s*default-src 'none'/.test(policy)) {
      this.#problems.push(`Content-Security-Policy is "${policy}" at ${where}`);
    }
    if (/unsafe-eval|script-src/.test(policy)) {
      this.#problems.push(`scripts are allowed by "${policy}" at ${where}`);
    }
    if (!/^text\/html; ?charset=utf-8$/i.test(headers['content-type'] ?? '')) {
      this.#problems.push(`Content-Type is ${headers['content-type']} at ${where}`);
    }
  }

  // What a payer does.

  async open(order) {
    const response = await this.page.goto(order.url);
    expect('status of the page', response.status(), 200);
    await this.look('page');
    return response;
  }

  async fill(card = CARD) {
    for (const [name, value] of Object.entries(card)) {
      await this.page.fill(`form#card input[name="${name}"]`, value);
    }
  }

  press(name, value) {
    return this.page.click(`button[name="${name}"][value="${value}"]`);
  }

  async pay(card = CARD) {
    await this.fill(card);
    await this.press('action', 'pay');
  }

  /** Where the payer ended: a path of the shop, with the order's number in the query. */
  async expectBack(order, base) {
    await this.page.waitForURL((url) => url.href.startsWith(base));
    const back = new URL(this.page.url());
    const pid = new URL(order.url).searchParams.get('pid');
    expect('orderNo of the return', back.searchParams.get('orderNo'), order.orderNo);
    expect('controllerInternalId', back.searchParams.get('controllerInternalId'), pid);
    expectTrue('no productDescription', back.searchParams.get('productDescription'));
    return back;
  }

  text() {
    return this.page.innerText('body');
  }

  async expectSays(pattern) {
    const text = await this.text();
    expectTrue(`the page says: ${text.slice(0, 300)}`, pattern.test(text));
  }

  async expectNoForm() {
    expect('forms', await this.page.locator('form').count(), 0);
  }

  /** What holds for every page that a payer sees. */
  async look(name) {
    const { page } = this;
    expect('scripts', await page.locator('script').count(), 0);
    const found = await page.evaluate(inspect);
    expect('handlers and script links', found.active, []);
    expect('foreign resources', found.resources, []);
    expect('inputs without a label', found.unlabelled, []);
    expectTrue('the page has no language', found.language);
    expectTrue('the page has no title', found.title);
    expect('first headings', found.headings, 1);
    expect('texts without enough contrast', await page.evaluate(unreadableTexts), []);
    await this.keep(name);
  }

  async expectNoSideways() {
    const { width, content } = await this.page.evaluate(() => ({
      width: document.documentElement.clientWidth,
      content: document.documentElement.scrollWidth,
    }));
    expectTrue(`${content} px of content in ${width} px of page`, content <= width);
  }

  async keep(name) {
    if (!this.screenshots) return;
    const path = join(this.screenshots, `${name.replace(/[^\w.-]+/g, '-')}.png`);
    await this.page.screenshot({ path, fullPage: true });
  }
}

/** Runs inside the page. */
function inspect() {
  const all = [...document.querySelectorAll('*')];
  const active = all.flatMap((element) =>
    [...element.attributes]
      .filter(({ name, value }) => /^on/i.test(name) || /^\s*javascript:/i.test(value))
      .map(({ name }) => `${element.localName} ${name}`));
  const loading = 'img, iframe, frame, object, embed, audio, video, source, link, base, script';
  const resources = [...document.querySelectorAll(loading)]
    .map((element) => [element.localName, element.src || element.href || element.data || 'empty'])
    .filter(([, url]) => !url.startsWith('data:') && !url.startsWith(`${location.origin}/`))
    .map(([name, url]) => `${name} ${url}`);
  const unlabelled = [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
    .filter((input) => ![...input.labels].some((label) => label.innerText.trim()))
    .map((input) => input.name);
  return {
    active,
    resources,
    unlabelled,
    language: document.documentElement.lang,
    title: document.title,
    headings: document.querySelectorAll('h1').length,
  };
}
