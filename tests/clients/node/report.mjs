// What a run prints: one line a check, and `N passed, N failed` at its end.

import { isDeepStrictEqual } from 'node:util';

/** An expectation did not hold. */
export class Failed extends Error {}

export function expect(what, got, wanted) {
  if (!isDeepStrictEqual(got, wanted)) {
    throw new Failed(`${what}: expected ${shown(wanted)}, got ${shown(got)}`);
  }
}

export function expectTrue(what, holds) {
  if (!holds) throw new Failed(what);
}

/** Walks into JSON and says where the way ended when it does. */
export function member(value, ...path) {
  path.forEach((name, depth) => {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) {
      const way = path.slice(0, depth).join('.') || 'the body';
      const found =
        value !== null && typeof value === 'object' ? Object.keys(value).join(', ') : shown(value);
      throw new Failed(`no ${name} in ${way}, which has ${found}`);
    }
    value = value[name];
  });
  return value;
}

export function shown(value) {
  const text = typeof value === 'string' ? `"${value}"` : (JSON.stringify(value) ?? String(value));
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

export class Report {
  passed = 0;
  failed = 0;

  async check(title, scenario) {
    try {
      await scenario();
    } catch (error) {
      // Whatever goes wrong in one scenario must not hide the others.
      this.failed += 1;
      const kind = error instanceof Failed ? '' : `${error?.name ?? 'thrown'}: `;
      const cause = error?.cause ? ` (${error.cause.message ?? error.cause})` : '';
      console.log(`FAIL  ${title}: ${`${kind}${error?.message ?? error}${cause}`.replace(/\s+/g, ' ')}`);
      return false;
    }
    this.passed += 1;
    console.log(`ok    ${title}`);
    return true;
  }

  skip(title, why) {
    console.log(`skip  ${title}: ${why}`);
  }

  /** Prints the last line. @returns the exit status. */
  end() {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    return this.failed === 0 && this.passed > 0 ? 0 : 1;
  }
}
