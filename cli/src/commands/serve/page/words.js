// Numbers, sizes and times in words.

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB'];

export function size(bytes) {
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** power;
  const digits = power > 0 && value < 10 ? 1 : 0;
  return `${value.toLocaleString('en', { maximumFractionDigits: digits })} ${UNITS[power]}`;
}

export function number(value) {
  return value.toLocaleString('en', { maximumFractionDigits: 1 });
}

export function count(value, one, many = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : many}`;
}

export function time(moment) {
  return new Date(moment).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' });
}

/** How long something takes, roughly. */
export function duration(seconds) {
  return seconds < 50 ? 'less than a minute' : `about ${count(Math.round(seconds / 60), 'minute')}`;
}

/** What the service says of an error, as a sentence. */
export function sentence(text) {
  const first = /^[a-z]+\b(?![_.:=])/.test(text) ? text[0].toUpperCase() + text.slice(1) : text;
  return /[.!?…)]$/.test(first) ? first : `${first}.`;
}

/** `min_tokens_per_block` as a label. */
export function label(key) {
  const words = key.replaceAll(/[_.]/g, ' ');
  return words[0].toUpperCase() + words.slice(1);
}
