// What the beginning of a file tells, before anything is sent: whether it is an export, and whose.

/** How much is read. Telegram writes who owns an export before contacts and chats. */
const BEGINNING = 512 * 1024;

/** Names that are suggested, at most. */
const SUGGESTIONS = 50;

/** What Telegram writes at the top of an export, of a chat, or beside a list of chats. */
const KEYS = new Set([
  'about', 'chats', 'contacts', 'frequent_contacts', 'id', 'left_chats', 'messages', 'name', 'other_data',
  'personal_information', 'profile_pictures', 'sessions', 'stories', 'type', 'web_sessions',
]);

/** One of these has to be there. */
const CHATS = ['chats', 'messages'];

const WHERE = 'Choose the file result.json from the folder that Telegram Desktop made.';

/** Why a file is no export, in words for whoever chose it. */
export class NotAnExport extends Error {}

/** The first bytes of what a file holds, unpacked; fewer where it is damaged. */
async function beginning(file, isGzip) {
  const raw = file.slice(0, BEGINNING);
  if (!isGzip) {
    return new Uint8Array(await raw.arrayBuffer());
  }
  const reader = raw.stream().pipeThrough(new DecompressionStream('gzip')).getReader();
  const parts = [];
  let length = 0;
  try {
    while (length < BEGINNING) {
      const { done, value } = await reader.read();
      if (done) {
        break;
      }
      parts.push(value);
      length += value.length;
    }
    await reader.cancel();
  } catch {
    // The slice ends in the middle of the stream.
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function startsWith(bytes, start) {
  return start.every((byte, index) => bytes[index] === byte);
}

/** The keys of an object, or of the first object of a list, and where their values begin. */
function topKeys(text) {
  const keys = new Map();
  const wanted = text[0] === '[' ? 2 : 1;
  const tokens = text.matchAll(/"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:)?|"[^]*|[{}[\]]/gs);
  let depth = 0;
  for (const { 0: token, 1: name, 2: colon, index } of tokens) {
    if ('{['.includes(token)) {
      depth += 1;
    } else if ('}]'.includes(token)) {
      depth -= 1;
    } else if (colon && depth === wanted) {
      keys.set(name, index + token.length);
    }
    if (depth < wanted && keys.size > 0) {
      break;
    }
  }
  return keys;
}

/** Telegram writes some escapes that aren't JSON. */
function parse(json) {
  try {
    return JSON.parse(json);
  } catch {
    return JSON.parse(json.replaceAll(/\\x[0-9a-f]{2}/gi, ''));
  }
}

/** Who the export says it belongs to. */
function ownerIn(text, keys) {
  const start = keys.get('personal_information');
  const end = start === undefined ? -1 : text.indexOf('}', start);
  if (end < 0) {
    return null;
  }
  try {
    const { user_id: id, first_name: first, last_name: last } = parse(text.slice(start, end + 1));
    const name = [first, last].filter(Boolean).join(' ');
    return id ? { id, name } : null;
  } catch {
    return null;
  }
}

/** Who wrote the first messages. */
function sendersIn(text) {
  const names = new Set();
  for (const [, json] of text.matchAll(/"from"\s*:\s*("(?:[^"\\\n]|\\.)*")/g)) {
    try {
      names.add(parse(json));
    } catch {
      // One name fewer to suggest.
    }
    if (names.size === SUGGESTIONS) {
      break;
    }
  }
  return [...names].sort((one, other) => one.localeCompare(other));
}

/**
 * What a file is.
 *
 * Throws `NotAnExport` if it is something else, and what the browser throws if it can't be read.
 */
export async function examine(file) {
  if (file.size === 0) {
    throw new NotAnExport(
      'This file is empty. Is the export still running? Telegram says when it is done.',
    );
  }
  const head = new Uint8Array(await file.slice(0, 8).arrayBuffer());
  if (startsWith(head, [0x50, 0x4b])) {
    throw new NotAnExport(
      'This is a ZIP archive. Unpack it (a double click does it on most computers), and choose the file '
      + 'result.json that is inside.',
    );
  }
  const isGzip = startsWith(head, [0x1f, 0x8b]);
  const bytes = await beginning(file, isGzip);
  const text = new TextDecoder().decode(bytes).trimStart();
  if (text.startsWith('<')) {
    throw new NotAnExport(
      'This is an export as web pages. Export once more from Telegram Desktop, and as the format choose '
      + '“Machine-readable JSON”.',
    );
  }
  if (!'{['.includes(text[0] ?? ' ')) {
    throw new NotAnExport(
      `This isn’t a Telegram export. ${WHERE}`,
    );
  }
  const keys = topKeys(text);
  const isExport = [...keys.keys()].some((key) => KEYS.has(key));
  if (isExport && !isGzip && file.size <= BEGINNING && !CHATS.some((key) => keys.has(key))) {
    throw new NotAnExport(
      `There are no chats in this file. ${WHERE} If this is it, export once more, and select “Personal chats”.`,
    );
  }
  if (!isExport) {
    throw new NotAnExport(
      `This file contains something other than a Telegram export. ${WHERE}`,
    );
  }
  return { isGzip, owner: ownerIn(text, keys), senders: sendersIn(text) };
}
