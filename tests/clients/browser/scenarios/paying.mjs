// Ways through the hosted page, with and without scripts in the browser.

import { expect, expectTrue } from '../../node/report.mjs';
import { CARD, withPayer } from '../payer.mjs';

const DECLINED = { ...CARD, cardNumber: '4000000000000002' };

export async function paying(run) {
  for (const javaScriptEnabled of [true, false]) {
    const how = { ...run.how, javaScriptEnabled };
    const suffix = javaScriptEnabled ? '' : ', without scripts';
    const play = (title, changes, scenario) =>
      run.check(title + suffix, async () => {
        const order = await run.shop.order(changes);
        await withPayer(run.browser, run.local, how, (payer) => scenario(payer, order));
      });
    await ends(run, play);
    await results(run, play);
    await challenge(run, play);
  }
  await twice(run);
  await expired(run);
}

async function ends({ shop }, play) {
  await play('the page shows order, description and amount', {}, async (payer, order) => {
    await payer.open(order);
    expectTrue('no Payment in the title', (await payer.page.title()).includes('Payment'));
    for (const shown of [order.orderNo, 'Tour deposit', '125.50', 'NPR']) {
      expectTrue(`${shown} is not shown`, (await payer.text()).includes(shown));
    }
  });

  await play('pay leads to confirmationURL, and the order is A/PA', {}, async (payer, order) => {
    await payer.open(order);
    await payer.pay();
    await payer.expectBack(order, `${shop.origin}/ok?`);
    await shop.expectState(order, 'A/PA');
  });

  await play('pay with a declined card leads to failedURL', {}, async (payer, order) => {
    await payer.open(order);
    await payer.pay(DECLINED);
    await payer.expectBack(order, `${shop.origin}/failed?`);
    await shop.expectState(order, 'F/PR');
  });

  await play('decline leads to failedURL', {}, async (payer, order) => {
    await payer.open(order);
    await payer.fill();
    await payer.press('action', 'decline');
    await payer.expectBack(order, `${shop.origin}/failed?`);
    await shop.expectState(order, 'F/PR');
  });

  await play('cancel leads to cancellationURL, with empty fields', {}, async (payer, order) => {
    await payer.open(order);
    await payer.page.click('form#other button[name="action"][value="cancel"]');
    await payer.expectBack(order, `${shop.origin}/cancel?`);
    await shop.expectState(order, 'C/PC');
  });

  await play('leave stays at the gateway, and the page says so', {}, async (payer, order) => {
    await payer.open(order);
    await payer.page.click('form#other button[name="action"][value="leave"]');
    await payer.page.waitForLoadState();
    expect('origin', new URL(payer.page.url()).origin, new URL(order.url).origin);
    await payer.look('left');
    await payer.expectSays(/left|abandon/i);
    await payer.expectNoForm();
    await shop.expectState(order, 'C/AB');
  });

  const returning = { notificationURLs: shop.urls({ confirmationURL: `${shop.origin}/ok?cart=7&x` }) };
  await play('a return URL keeps the query that it had', returning, async (payer, order) => {
    await payer.open(order);
    await payer.pay();
    const back = await payer.expectBack(order, `${shop.origin}/ok?cart=7&x`);
    expect('cart', back.searchParams.get('cart'), '7');
  });

  await play('a mistyped card number keeps the payer on the form', {}, async (payer, order) => {
    await payer.open(order);
    await payer.pay({ ...CARD, cardNumber: '4101490000057764' });
    await payer.page.waitForLoadState();
    const here = new URL(payer.page.url());
    expect('origin', here.origin, new URL(order.url).origin);
    expectTrue(`the card went into ${here.search}`, !here.search.includes('4101'));
    await payer.look('mistyped');
    const cvv = payer.page.locator('form#card input[name="cvvCode"]');
    expect('cvvCode', await cvv.inputValue(), '');
    await payer.pay();
    await payer.expectBack(order, `${shop.origin}/ok?`);
  });
}

async function results({ shop }, play) {
  const delayed = { autoRedirectDelayTimer: 60 };
  await play('with a delay a result page comes first, with a way on', delayed, async (payer, order) => {
    await payer.open(order);
    await payer.pay();
    await payer.page.waitForSelector('a#return');
    await payer.look('result');
    await payer.expectNoForm();
    const refresh = payer.page.locator('meta[http-equiv="refresh" i]');
    const content = await refresh.getAttribute('content');
    expectTrue(`refresh is ${content}`, /^60;\s*url=/i.test(content));
    await shop.expectState(order, 'A/PA');
    await payer.page.click('a#return');
    await payer.expectBack(order, `${shop.origin}/ok?`);
  });

  await play('a delay of one second leads on by itself', { autoRedirectDelayTimer: 1 },
    async (payer, order) => {
      await payer.open(order);
      await payer.pay();
      await payer.expectBack(order, `${shop.origin}/ok?`);
    });
}

async function challenge({ shop }, play) {
  const secured = { request3dsFlag: 'Y' };
  for (const [answer, path, state] of [
    ['pass', '/ok', 'A/PA'],
    ['fail', '/failed', 'F/VF'],
    ['cancel', '/cancel', 'C/PC'],
  ]) {
    await play(`3-D Secure ${answer} leads to ${path}`, secured, async (payer, order) => {
      await toAcs(payer, order, shop);
      await payer.press('result', answer);
      await payer.expectBack(order, `${shop.origin}${path}?`);
      await shop.expectState(order, state);
    });
  }

  await play('3-D Secure timeout never pays', secured, async (payer, order) => {
    await toAcs(payer, order, shop);
    await payer.press('result', 'timeout');
    await payer.page.waitForLoadState();
    const failed = payer.page.url().startsWith(`${shop.origin}/failed`);
    if (!failed) {
      await payer.look('timeout');
      await payer.expectSays(/timed? ?-?out|time is up|too long/i);
    }
    shop.expectNoVisit(`/ok?orderNo=${order.orderNo}`);
  });
}

async function toAcs(payer, order, shop) {
  await payer.open(order);
  await payer.pay();
  await payer.page.waitForSelector('form#challenge');
  await payer.look('interstitial');
  for (const name of ['creq', 'threeDSSessionData']) {
    const hidden = payer.page.locator(`form#challenge input[type="hidden"][name="${name}"]`);
    expectTrue(`${name} is empty`, await hidden.inputValue());
  }
  await shop.expectState(order, 'I/AC');
  await payer.page.click('form#challenge button, form#challenge input[type="submit"]');
  await payer.page.waitForSelector('form#answer');
  expect('path of the ACS', new URL(payer.page.url()).pathname, '/challenge/browser');
  await payer.look('acs');
}

async function twice({ check, shop, browser, local, how }) {
  for (const [form, action, path, state] of [
    ['card', 'pay', 'ok', 'A/PA'],
    ['other', 'cancel', 'cancel', 'C/PC'],
  ]) {
    await check(`after ${action} the page says so and offers no form`, async () => {
      const order = await shop.order();
      await withPayer(browser, local, how, async (payer) => {
        await payer.open(order);
        if (form === 'card') await payer.fill();
        await payer.page.click(`form#${form} button[value="${action}"]`);
        await payer.expectBack(order, `${shop.origin}/${path}?`);
        await payer.page.goto(order.url);
        await payer.look(`after-${action}`);
        await payer.expectSays(action === 'pay' ? /paid|approved/i : /cancel/i);
        await payer.expectNoForm();
      });
      await shop.expectState(order, state);
    });
  }

  await check('of two open pages only the first one counts', async () => {
    const order = await shop.order();
    await withPayer(browser, local, how, async (payer) => {
      await payer.open(order);
      const second = payer.watch(await payer.context.newPage());
      await second.goto(order.url);
      await payer.pay();
      await payer.expectBack(order, `${shop.origin}/ok?`);
      await second.click('form#other button[value="cancel"]');
      await second.waitForLoadState();
      expect('forms', await second.locator('form').count(), 0);
      expectTrue('the second page went back to the shop as cancelled',
        !second.url().startsWith(`${shop.origin}/cancel`));
    });
    await shop.expectState(order, 'A/PA');
  });

  await check('going back and paying again pays once', async () => {
    const order = await shop.order();
    await withPayer(browser, local, how, async (payer) => {
      await payer.open(order);
      await payer.pay();
      await payer.expectBack(order, `${shop.origin}/ok?`);
      await payer.page.goBack();
      if (await payer.page.locator('form#card').count()) {
        await payer.pay();
        await payer.page.waitForLoadState();
      }
      expectTrue('the payer was sent to failedURL', !payer.page.url().includes('/failed'));
    });
    await shop.expectState(order, 'A/PA');
  });
}

async function expired({ check, shop, browser, local, how }) {
  await check('a day later the page has expired and offers no form', async () => {
    const merchant = await shop.sandgate.newMerchant();
    const order = await shop.order({}, merchant);
    const path = `/clock?merchant=${merchant.id}`;
    const shifted = await shop.sandgate.admin('POST', path, { shift: '25h' });
    expect('status of the shift', shifted.status, 200);
    await withPayer(browser, local, how, async (payer) => {
      await payer.page.goto(order.url);
      await payer.look('expired');
      await payer.expectSays(/expired/i);
      await payer.expectNoForm();
    });
    await shop.expectState(order, 'E/PE');
  });
}
