// Hostile texts, keyboards, narrow screens, and what the journal keeps.

import { expect, expectTrue } from '../../node/report.mjs';
import { CARD, withPayer } from '../payer.mjs';

const HOSTILE = [
  ['markup', '<img src=x onerror="fetch(`http://192.0.2.1/`)">'],
  ['a closed attribute', '"><script>alert(1)</script>'],
  ['single quotes', "' onmouseover='alert(1)"],
  ['entities', '&lt;b&gt; &amp;amp; &#x3c;'],
  ['a right-to-left override', 'Tour \u202e0001 RPN tisoped'],
  ['255 wide letters', 'W'.repeat(255)],
  ['scripts of the world', 'नेपाल ทัวร์ 旅行 🏔️'],
  ['a template', '{{7*7}} ${7*7} <%= 7*7 %>'],
];

export async function reading(run) {
  await hostileTexts(run);
  await hostileUrls(run);
  await keyboard(run);
  await narrow(run);
  await schemes(run);
  await journal(run);
}

async function hostileTexts({ check, shop, browser, local, how }) {
  for (const [title, productDescription] of HOSTILE) {
    await check(`a description of ${title} is text and nothing else`, async () => {
      const order = await shop.order({ productDescription });
      await withPayer(browser, local, { ...how, viewport: NARROW }, async (payer) => {
        await payer.open(order);
        expectTrue('it is not shown', (await payer.page.textContent('body')).includes(productDescription));
        expect('images', await payer.page.locator('img').count(), 0);
        await payer.expectNoSideways();
        await payer.pay();
        const back = await payer.expectBack(order, `${shop.origin}/ok?`);
        expectTrue('no description came back', back.searchParams.get('productDescription'));
      });
    });
  }

  await check('a hostile holder name is text and nothing else', async () => {
    const order = await shop.order({ autoRedirectDelayTimer: 60 });
    await withPayer(browser, local, how, async (payer) => {
      await payer.open(order);
      await payer.pay({ ...CARD, cardHolderName: '"><img src=x onerror=alert(1)>' });
      await payer.page.waitForSelector('a#return');
      await payer.look('hostile-holder');
      expect('images', await payer.page.locator('img').count(), 0);
    });
  });

  await check('a hostile lang changes nothing', async () => {
    const order = await shop.order();
    const url = new URL(order.url);
    url.searchParams.set('lang', '"><script>alert(1)</script>');
    await withPayer(browser, local, how, (payer) => payer.open({ ...order, url: url.href }));
  });
}

async function hostileUrls({ check, shop, browser, local, how }) {
  const hostile = { autoRedirectDelayTimer: 60 };
  for (const query of ['a="><b>', "a='onclick='x", 'a=%22%3E%3Cscript%3E', 'a=1;url=http://192.0.2.1/']) {
    await check(`a return URL with ${query} is refused, or stays a URL`, async () => {
      const notificationURLs = shop.urls({ confirmationURL: `${shop.origin}/ok?${query}` });
      const asked = await shop.ask({ ...hostile, notificationURLs });
      if (asked.status === 400) return;
      const url = asked.body.data.paymentPage.paymentPageURL;
      const order = { orderNo: asked.orderNo, merchant: shop.merchant, url };
      await withPayer(browser, local, how, async (payer) => {
        await payer.open(order);
        await payer.pay();
        await payer.page.waitForSelector('a#return');
        await payer.look('hostile-url');
        await payer.page.click('a#return');
        const back = await payer.expectBack(order, `${shop.origin}/ok?`);
        const sent = new URL(`${shop.origin}/ok?${query}`).searchParams.get('a');
        expect('a', back.searchParams.get('a'), sent);
      });
    });
  }
}

async function keyboard({ check, shop, browser, local, how }) {
  await check('the focus moves through the form in its order, and can be seen', async () => {
    const order = await shop.order();
    await withPayer(browser, local, how, async (payer) => {
      await payer.open(order);
      const seen = [];
      for (let steps = 0; steps < 20 && !seen.includes('action leave'); steps += 1) {
        await payer.page.keyboard.press('Tab');
        const { name, visible } = await payer.page.evaluate(focused);
        if (!name) continue;
        expectTrue(`the focus on ${name} cannot be seen`, visible);
        seen.push(name);
      }
      const wanted = [...Object.keys(CARD), 'action pay', 'action decline', 'action cancel', 'action leave'];
      expect('order of the focus', seen.filter((name) => wanted.includes(name)), wanted);
    });
  });

  await check('a payment by keyboard alone; Enter pays and does not decline', async () => {
    const order = await shop.order();
    await withPayer(browser, local, how, async (payer) => {
      await payer.open(order);
      for (let steps = 0; steps < 10; steps += 1) {
        if ((await payer.page.evaluate(focused)).name === 'cardNumber') break;
        await payer.page.keyboard.press('Tab');
      }
      for (const value of Object.values(CARD)) {
        await payer.page.keyboard.type(value);
        if (value !== CARD.cardHolderName) await payer.page.keyboard.press('Tab');
      }
      await payer.page.keyboard.press('Enter');
      await payer.expectBack(order, `${shop.origin}/ok?`);
    });
    await shop.expectState(order, 'A/PA');
  });
}

/** Runs inside the page. */
function focused() {
  const element = document.activeElement;
  if (!element || element === document.body) return { name: null };
  const style = getComputedStyle(element);
  const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
  const value = element.localName === 'button' ? ` ${element.value}` : '';
  return { name: `${element.name ?? ''}${value}`, visible: outlined || style.boxShadow !== 'none' };
}

const NARROW = { width: 360, height: 640 };

async function narrow({ check, shop, browser, local, how }) {
  await check('every page fits a screen of 360 px', async () => {
    const changes = { request3dsFlag: 'Y', autoRedirectDelayTimer: 60 };
    const order = await shop.order(changes);
    await withPayer(browser, local, { ...how, viewport: NARROW }, async (payer) => {
      const fits = async (name) => {
        await payer.look(`narrow-${name}`);
        await payer.expectNoSideways();
      };
      await payer.open(order);
      await fits('page');
      await payer.pay();
      await payer.page.waitForSelector('form#challenge');
      await fits('interstitial');
      await payer.page.click('form#challenge button, form#challenge input[type="submit"]');
      await payer.page.waitForSelector('form#answer');
      await fits('acs');
      await payer.press('result', 'pass');
      await payer.page.waitForSelector('a#return');
      await fits('result');
    });
  });
}

async function schemes({ check, shop, browser, local, how }) {
  for (const colorScheme of ['light', 'dark']) {
    await check(`texts have contrast in a ${colorScheme} scheme`, async () => {
      const order = await shop.order();
      await withPayer(browser, local, { ...how, colorScheme }, async (payer) => {
        await payer.open(order);
        await payer.keep(`page-${colorScheme}`);
      });
    });
  }
}

async function journal({ check, shop, browser, local, how }) {
  await check('the journal keeps neither the CVV nor an unpublished card number', async () => {
    const merchant = await shop.sandgate.newMerchant();
    const order = await shop.order({}, merchant);
    const secret = { ...CARD, cardNumber: '4539148803436467', cvvCode: '719' };
    await withPayer(browser, local, how, async (payer) => {
      await payer.open(order);
      await payer.pay(secret);
      await payer.expectBack(order, `${shop.origin}/ok?`);
    });
    const list = await shop.sandgate.admin('GET', `/exchanges?merchant=${merchant.id}`);
    expectTrue('the page is not in the journal', list.body.items.length >= 3);
    for (const { id } of list.body.items) {
      const kept = JSON.stringify((await shop.sandgate.admin('GET', `/exchanges/${id}`)).body);
      expectTrue(`exchange ${id} holds the card number`, !kept.includes(secret.cardNumber));
      expectTrue(`exchange ${id} holds the CVV`, !/cvvCode\W{1,5}719/.test(kept));
    }
  });
}
