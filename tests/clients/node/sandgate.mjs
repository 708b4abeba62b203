// The server under test, its command line and its admin API. Nothing but Node is needed here.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync, existsSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';

import { Failed, expect, expectTrue, member } from './report.mjs';

export class Sandgate {
  /** @param binary the program @param folder a scratch folder, removed by the caller */
  constructor(binary, folder, timeoutMs = 30_000) {
    this.binary = binary;
    this.folder = folder;
    this.timeoutMs = timeoutMs;
    this.readyFile = join(folder, 'ready.json');
    this.logFile = join(folder, 'server.log');
    // A developer's own settings must not change what is tested.
    this.environment = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith('SANDGATE_')),
    );
  }

  async start() {
    const log = openSync(this.logFile, 'w');
    const flags = ['serve', '--ephemeral', '--port-base', '0', '--ready-file', this.readyFile];
    this.process = spawn(this.binary, flags, {
      cwd: this.folder,
      env: this.environment,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.ended = new Promise((resolve) => {
      this.process.once('error', (error) => resolve(error.message));
      this.process.once('exit', (code, signal) => resolve(code ?? signal));
    });
    await this.#bounded(this.#ready(), 'no ready file');
    const ready = JSON.parse(readFileSync(this.readyFile, 'utf8'));
    expect('pid in the ready file', ready.pid, this.process.pid);
    this.urls = member(ready, 'base_urls');
    for (const name of ['admin', 'paco', 'front_door']) member(this.urls, name);
  }

  async stop() {
    this.process.kill('SIGTERM');
    expect('exit status after SIGTERM', await this.#bounded(this.ended, 'it still runs'), 0);
    expectTrue('the ready file is still there', !existsSync(this.readyFile));
  }

  /** Makes sure that no run leaves a server behind, however it ended. */
  kill() {
    if (this.process && this.process.exitCode === null) this.process.kill('SIGKILL');
  }

  /** Runs a verb of the command line and gives what it printed. */
  async command(...words) {
    const child = spawn(this.binary, [...words, '--admin', this.urls.admin], {
      cwd: this.folder,
      env: this.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const printed = { stdout: '', stderr: '' };
    for (const pipe of ['stdout', 'stderr']) {
      child[pipe].setEncoding('utf8').on('data', (text) => (printed[pipe] += text));
    }
    const [status] = await this.#bounded(once(child, 'close'), `\`${words[0]}\` did not end`);
    if (status !== 0) {
      throw new Failed(`\`sandgate ${words.join(' ')}\` exited with ${status}: ${printed.stderr}`);
    }
    return printed.stdout;
  }

  /** Calls the admin API. @returns {{status: number, body: any}} */
  async admin(method, path, body) {
    const reply = await fetch(new URL(path, this.urls.admin), {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(this.timeoutMs),
    });
    const text = await reply.text();
    return { status: reply.status, body: text === '' ? null : JSON.parse(text) };
  }

  async newMerchant(wanted = {}) {
    const made = await this.admin('POST', '/merchants', { provider: 'paco', ...wanted });
    expect(`status of POST /merchants (${JSON.stringify(made.body)})`, made.status, 201);
    return made.body;
  }

  /** What `credentials export` would write for a merchant, by file name. */
  async credentialsFiles(merchant) {
    const answer = await this.admin('GET', `/merchants/${merchant}/credentials-files`);
    expect('status of credentials-files', answer.status, 200);
    return Object.fromEntries(answer.body.files.map((file) => [file.name, file.contents]));
  }

  async explanation(exchange) {
    expectTrue('the answer has no sandgate-exchange header', exchange);
    const answer = await this.admin('GET', `/exchanges/${exchange}/explanation`);
    expect('status of the explanation', answer.status, 200);
    expect('exchange of the explanation', answer.body.exchange, exchange);
    return answer.body;
  }

  logTail() {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8').slice(-2000) : '';
  }

  /** The ready file appears whole, so that its name is enough to wait for. */
  async #ready() {
    const watcher = watch(this.folder);
    try {
      const appeared = new Promise((resolve) => {
        const look = () => existsSync(this.readyFile) && resolve();
        watcher.on('change', look);
        look();
      });
      const gone = this.ended.then((status) => {
        throw new Failed(`the server ended with ${status} before it was ready`);
      });
      await Promise.race([appeared, gone]);
    } finally {
      watcher.close();
    }
  }

  async #bounded(promise, what) {
    let timer;
    const late = new Promise((_, reject) => {
      const failure = new Failed(`${what} within ${this.timeoutMs / 1000} s`);
      timer = setTimeout(() => reject(failure), this.timeoutMs);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Reads NAME=VALUE lines, with or without `export` and quotes. */
export function readEnv(text) {
  const values = {};
  for (const line of text.split('\n')) {
    const found = /^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*?)\s*$/.exec(line);
    if (found) values[found[1]] = found[2].replace(/^(["'])(.*)\1$/, '$2');
  }
  return values;
}
