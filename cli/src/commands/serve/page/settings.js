// The settings of a run, made from the service's own description of them: names, bounds and help come from there.

import { element } from './elements.js';
import { label } from './words.js';

/** Chosen above all others, and asked for in words of their own. */
const MAIN = {
  consumer: {
    label: 'Which program or service will train the model?',
    help: 'If you don’t know yet, leave this as it is. You can come back and choose another.',
    none: 'I don’t know yet',
  },
  date_limit: {
    label: 'Leave out messages before',
    help: 'How you wrote years ago may not be how you write now. Leave it empty to use all messages.',
  },
  redact: {
    label: 'Replace personal data',
    help: 'In everybody’s messages, words such as [PHONE] take its place. Not everything can be found.',
    kinds: true,
  },
};

/** Names that makers give their things, where they are known. */
const TITLES = {
  trl: 'TRL (Hugging Face)',
  unsloth: 'Unsloth',
  axolotl: 'Axolotl',
  'llama-factory': 'LLaMA-Factory',
  together: 'Together AI',
  'bedrock-nova': 'Amazon Bedrock: Nova models',
  'bedrock-llama': 'Amazon Bedrock: Llama models',
  openai: 'OpenAI',
  iban: 'IBAN',
};

/** The rest, by what it is about, and what it is called on the page. What isn't named here comes last. */
const GROUPS = {
  'Which chats and messages': {
    chat_types: 'Kinds of chats',
    exclude_chats: 'Chats to leave out',
    exclude_words: 'Leave out messages with these words',
    min_chat_messages: 'Leave out chats with fewer messages than',
    forwarded: 'Forwarded messages',
    media_placeholders: 'Say where photos and recordings were',
    reply_context: 'Quote the message being answered',
    speaker_names: 'Names of speakers in groups',
    topics: 'Each topic of a group as a chat of its own',
    redact_words: 'More words to replace',
    salvage: 'Use an incomplete export',
  },
  'How long an example is': {
    min_tokens_per_block: 'Fewest tokens in a block',
    max_tokens_per_block: 'Most tokens in a block',
    convo_block_threshold_secs: 'Longest pause within a block, in seconds',
    context_tokens: 'Tokens of context from the block before',
  },
  'What is written': {
    system_prompt: 'What the model is told first (system prompt)',
    validation_fraction: 'Share kept back for testing, such as 0.1',
    deduplicate: 'Repeated blocks',
  },
  'For those who know their trainer': {},
};

const labelOf = (name) => MAIN[name]?.label
  ?? Object.values(GROUPS).find((keys) => keys[name])?.[name] ?? label(name);

/** A key as the description has it. */
function keyOf(name, property, schemas) {
  const resolve = (schema) => schemas[schema.$ref?.split('/').pop()] ?? schema;
  const schema = resolve(property.anyOf?.[0] ?? property);
  return {
    name,
    help: property.description ?? '',
    usual: property['x-default'] ?? null,
    schema,
    names: (schema.items ? resolve(schema.items) : schema).enum ?? null,
  };
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** The help of a key, and the name that errors call it by. */
function helpFor(control, key, words) {
  const name = words.help ? [] : [' ', element('code', {}, key.name)];
  const help = element('p', { className: 'hint', id: `help-${key.name}` }, words.help ?? `${key.help}.`, ...name);
  control.setAttribute('aria-describedby', help.id);
  return help;
}

/** A label, the control and its help below each other. */
function field(key, words, control) {
  const help = helpFor(control, key, words);
  const name = element('label', { htmlFor: control.id }, words.label);
  return element('div', { className: 'field' }, name, control, help);
}

function checkbox(properties, text) {
  const box = element('input', { type: 'checkbox', ...properties });
  return [box, element('label', { className: 'choice' }, box, ' ', element('span', {}, text))];
}

/** Yes or no. */
function flag(key, words) {
  const usual = key.usual === true;
  const [box, choice] = checkbox({ checked: usual }, words.label);
  return {
    element: element('div', { className: 'field' }, choice, helpFor(box, key, words)),
    value: () => (box.checked === usual ? undefined : box.checked),
  };
}

/** Some of a set of names; with `kinds`, all at once, or only some on a second look. */
function several(key, words) {
  const usual = key.usual ?? [];
  const boxes = key.names.map((value) => checkbox({ value, checked: usual.includes(value) },
    TITLES[value] ?? label(value)));
  const chosen = () => boxes.filter(([box]) => box.checked).map(([box]) => box.value);
  const list = element('div', { className: 'choices' }, ...boxes.map(([, choice]) => choice));
  let top = element('legend', {}, words.label);
  if (words.kinds) {
    const [main, choice] = checkbox({ checked: usual.length > 0 }, words.label);
    list.hidden = !main.checked;
    main.onchange = () => {
      list.hidden = !main.checked;
      boxes.forEach(([box]) => { box.checked = main.checked; });
    };
    top = element('legend', {}, choice);
  }
  const group = element('fieldset', { className: 'field' }, top);
  group.append(helpFor(group, key, words), list);
  return {
    element: group,
    value: () => (same(chosen(), usual) ? undefined : chosen()),
  };
}

/** One of a set of names. */
function oneOf(key, words) {
  const usual = key.usual === null ? words.none ?? 'None' : `Default (${key.usual})`;
  const options = key.names.map((name) => element('option', { value: name }, TITLES[name] ?? name));
  const select = element('select', { id: `set-${key.name}` }, element('option', { value: '' }, usual), ...options);
  return {
    element: field(key, words, select),
    value: () => select.value || undefined,
  };
}

function numeric(key, words) {
  const { minimum, maximum, type } = key.schema;
  const input = element('input', {
    id: `set-${key.name}`,
    type: 'number',
    min: minimum ?? '',
    max: maximum ?? key.schema.exclusiveMaximum ?? '',
    step: type === 'integer' ? 1 : 'any',
    placeholder: key.usual ?? '',
  });
  return {
    element: field(key, words, input),
    value: () => (input.value === '' ? undefined : Number(input.value)),
  };
}

/** Texts, one a line. */
function lines(key, words) {
  const area = element('textarea', { id: `set-${key.name}`, rows: 2, spellcheck: false });
  return {
    element: field({ ...key, help: `${key.help}, one a line` }, words, area),
    value: () => {
      const texts = area.value.split('\n').map((text) => text.trim()).filter(Boolean);
      return texts.length ? texts : undefined;
    },
  };
}

function text(key, words) {
  const usual = key.usual ?? '';
  const properties = { id: `set-${key.name}`, value: usual };
  const input = key.name === 'system_prompt' ? element('textarea', { ...properties, rows: 2 })
    : element('input', { ...properties, type: key.name === 'date_limit' ? 'date' : 'text' });
  return {
    element: field(key, words, input),
    value: () => (input.value === usual ? undefined : input.value),
  };
}

function control(key) {
  const words = { ...MAIN[key.name], label: labelOf(key.name) };
  const { type } = key.schema;
  if (key.names) {
    return type === 'array' ? several(key, words) : oneOf(key, words);
  }
  switch (type) {
    case 'boolean': return flag(key, words);
    case 'integer':
    case 'number': return numeric(key, words);
    case 'array': return lines(key, words);
    default: return text(key, words);
  }
}

/** The controls of all keys that a request may set. */
export class Settings {
  #controls = new Map();

  /** Makes them from the description of the API: some into one place, all others into another. */
  constructor(description, main, more) {
    const { schemas } = description.components;
    const known = schemas.RequestConfiguration.properties;
    const make = (name) => {
      const made = control(keyOf(name, known[name], schemas));
      this.#controls.set(name, made);
      return made.element;
    };
    // Asked for elsewhere on the page: whose style is learned.
    const wanted = (name) => name in known && !this.#controls.has(name) && name !== 'target_name';
    // With one model to choose from, there is nothing to choose.
    const isChoice = (name) => name !== 'model_id' || schemas.ModelId?.enum?.length > 1;
    main.replaceChildren(...Object.keys(MAIN).filter(wanted).map(make));
    const groups = Object.entries(GROUPS).map(([title, labels]) => {
      const names = Object.keys(labels).length ? Object.keys(labels) : Object.keys(known);
      const controls = names.filter(wanted).filter(isChoice).map(make);
      return controls.length ? element('section', {}, element('h3', {}, title), ...controls) : '';
    });
    more.replaceChildren(...groups);
  }

  /** What was changed. The rest is the service's to decide, and the trainer's. */
  values() {
    const changed = [...this.#controls].map(([name, { value }]) => [name, value()]);
    return Object.fromEntries(changed.filter(([, value]) => value !== undefined));
  }

  /** The keys that a text names, each with what it is called on the page. */
  namedIn(said) {
    const named = [...this.#controls.keys()].filter((name) => new RegExp(`\\b${name}\\b`).test(said));
    return named.map((name) => [name, labelOf(name)]);
  }

  /** Leads to the control of a key. */
  focus(name) {
    const control = this.#controls.get(name).element.querySelector('input, select, textarea');
    control.closest('details')?.setAttribute('open', '');
    control.focus();
    control.scrollIntoView({ block: 'center' });
  }
}
