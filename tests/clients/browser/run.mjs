#!/usr/bin/env node
// Drives the hosted page and the 3-D Secure challenge of a real `sandgate` process in Chromium.
//
//   run.mjs --sandgate PATH [--chromium PATH] [--screenshots DIR]
//           [--only GROUP,…] [--without GROUP,…] [--timeout SECONDS]
//
// It starts the server, a small merchant and the browser itself, and plays one scenario a line.
// The last line is `N passed, N failed`; the exit status is 1 if any failed.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { Report } from '../node/report.mjs';
import { Sandgate } from '../node/sandgate.mjs';
import { launch } from './payer.mjs';
import { creation, unknownPages } from './scenarios/creation.mjs';
import { paying } from './scenarios/paying.mjs';
import { reading } from './scenarios/reading.mjs';
import { Shop } from './shop.mjs';

const GROUPS = { creation, unknown: unknownPages, paying, reading };

const options = readOptions();
const folder = mkdtempSync(join(tmpdir(), 'sandgate-browser-'));
const sandgate = new Sandgate(options.sandgate, folder, options.timeoutMs);
const report = new Report();
process.on('exit', () => {
  sandgate.kill();
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

await play();
if (report.failed > 0) console.log(`--- end of the server's output\n${sandgate.logTail()}\n---`);
process.exit(report.end());

async function play() {
  const check = (title, scenario) => report.check(title, scenario);
  const shop = new Shop(sandgate);
  let browser;
  const ready =
    (await check('the server starts and writes its ready file', () => sandgate.start())) &&
    (await check('the merchant opens', () => shop.open())) &&
    (await check('the browser starts', async () => {
      browser = await launch(options.chromium);
    }));
  if (ready) {
    // The gateway's own origin comes first: it is the one whose answers are judged.
    const local = [new URL(sandgate.urls.paco).origin, shop.origin];
    const { timeoutMs, screenshots } = options;
    const run = { check, shop, browser, local, how: { timeoutMs, screenshots } };
    for (const [name, group] of Object.entries(GROUPS)) {
      if (options.wants(name)) await group(run);
      else report.skip(name, 'not asked for');
    }
  }
  await browser?.close();
  if (shop.origin) shop.close();
  if (sandgate.urls) await check('SIGTERM stops the server with exit status 0', () => sandgate.stop());
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      sandgate: { type: 'string' },
      chromium: { type: 'string', default: '/usr/bin/chromium' },
      screenshots: { type: 'string' },
      only: { type: 'string' },
      without: { type: 'string', default: '' },
      timeout: { type: 'string', default: '30' },
    },
  });
  if (!values.sandgate) {
    console.error('run.mjs: --sandgate PATH names the binary to test');
    process.exit(2);
  }
  const only = values.only?.split(',');
  const without = values.without.split(',');
  const unknown = [...(only ?? []), ...without].filter((name) => name && !(name in GROUPS));
  if (unknown.length > 0) {
    console.error(`run.mjs: no group ${unknown}; there are ${Object.keys(GROUPS).join(', ')}`);
    process.exit(2);
  }
  if (values.screenshots) mkdirSync(values.screenshots, { recursive: true });
  return {
    sandgate: resolve(values.sandgate),
    chromium: values.chromium,
    screenshots: values.screenshots && resolve(values.screenshots),
    timeoutMs: Number(values.timeout) * 1000,
    wants: (name) => (only?.includes(name) ?? true) && !without.includes(name),
  };
}
