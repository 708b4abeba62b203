// Just enough of a browser for pages without scripts: their forms, and where sending one leads.

import { Failed, expectTrue } from './report.mjs';

/** Fetches a page without following redirects. @returns {{status, headers, location, html, url}} */
export async function visit(url, fields) {
  const reply = await fetch(url, {
    method: fields ? 'POST' : 'GET',
    body: fields && new URLSearchParams(fields),
    redirect: 'manual',
    signal: AbortSignal.timeout(30_000),
  });
  const location = reply.headers.get('location');
  return {
    status: reply.status,
    headers: reply.headers,
    location: location && new URL(location, url).href,
    html: await reply.text(),
    url: String(url),
  };
}

/** Sends the form with an id, as a browser would that pressed one of its buttons. */
export function submit(page, id, filled = {}) {
  const form = formOf(page, id);
  return visit(form.action, { ...form.hidden, ...filled });
}

export function formOf(page, id) {
  const found = new RegExp(`<form\\b([^>]*\\bid="${id}"[^>]*)>(.*?)</form>`, 's').exec(page.html);
  if (!found) throw new Failed(`no form#${id} in the answer ${page.status} of ${page.url}`);
  const [, attributes, content] = found;
  expectTrue(`form#${id} is not sent by POST`, /\bmethod="post"/i.test(attributes));
  const hidden = {};
  for (const [input] of content.matchAll(/<input\b[^>]*>/g)) {
    if (attribute(input, 'type') === 'hidden') {
      hidden[attribute(input, 'name')] = attribute(input, 'value') ?? '';
    }
  }
  return { action: new URL(attribute(attributes, 'action') ?? page.url, page.url), hidden, content };
}

export function hasForm(page) {
  return /<form\b/i.test(page.html);
}

function attribute(tag, name) {
  const value = new RegExp(`\\b${name}="([^"]*)"`, 'i').exec(tag)?.[1];
  return value?.replace(/&(amp|lt|gt|quot|#x27|#39);/g, (entity) => ENTITIES[entity]);
}

const ENTITIES = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#x27;': "'",
  '&#39;': "'",
};
