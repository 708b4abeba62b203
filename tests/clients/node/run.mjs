#!/usr/bin/env node
// Runs an independent PACO merchant against a real `sandgate` process.
//
//   run.mjs --sandgate PATH [--only GROUP,…] [--without GROUP,…] [--timeout SECONDS]
//
// It starts the server itself on free ports with throw-away data, exports the demo merchant's
// credentials as a user would, and then plays one scenario a line. The last line is
// `N passed, N failed`; the exit status is 1 if any failed.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { Bench } from './bench.mjs';
import { Report } from './report.mjs';
import { Sandgate } from './sandgate.mjs';
import { challenges } from './scenarios/challenges.mjs';
import { algorithms, connections, forms } from './scenarios/forms.mjs';
import { hostedPage } from './scenarios/hosted_page.mjs';
import { keys } from './scenarios/keys.mjs';
import { lists } from './scenarios/lists.mjs';
import { misbehaviour } from './scenarios/misbehaviour.mjs';
import { mistakes } from './scenarios/mistakes.mjs';
import { notifications } from './scenarios/notifications.mjs';
import { pages } from './scenarios/pages.mjs';
import { payments } from './scenarios/payments.mjs';
import { refunds } from './scenarios/refunds.mjs';

const GROUPS = {
  pages,
  payments,
  algorithms,
  forms,
  connections,
  keys,
  mistakes,
  misbehaviour,
  refunds,
  lists,
  challenges,
  hosted_page: hostedPage,
  notifications,
};

const options = readOptions();
const folder = mkdtempSync(join(tmpdir(), 'sandgate-node-'));
const sandgate = new Sandgate(options.sandgate, folder, options.timeoutMs);
const report = new Report();
process.on('exit', () => {
  sandgate.kill();
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

await play(new Bench(sandgate, report, folder));
if (report.failed > 0) console.log(`--- end of the server's output\n${sandgate.logTail()}\n---`);
process.exit(report.end());

async function play(bench) {
  const started = await bench.check('the server starts and writes its ready file', () =>
    sandgate.start());
  if (!started) return;
  const exported = await bench.check('credentials export writes .env and the key files', () =>
    bench.exportCredentials());
  if (exported) {
    for (const [name, group] of Object.entries(GROUPS)) {
      if (options.wants(name)) await playGroup(bench, name, group);
      else report.skip(name, 'not asked for');
    }
  }
  await bench.check('SIGTERM stops the server with exit status 0', () => sandgate.stop());
}

/** What a group prepares for its scenarios may fail too, and must not hide the other groups. */
async function playGroup(bench, name, group) {
  try {
    await group(bench);
  } catch (error) {
    await bench.check(`${name} can be prepared`, () => {
      throw error;
    });
  }
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      sandgate: { type: 'string' },
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
  return {
    sandgate: resolve(values.sandgate),
    timeoutMs: Number(values.timeout) * 1000,
    wants: (name) => (only?.includes(name) ?? true) && !without.includes(name),
  };
}
