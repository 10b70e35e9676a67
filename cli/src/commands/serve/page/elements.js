// Elements of the page. Texts are set as texts, never as HTML: most of them are somebody else's.

export const byId = (id) => document.getElementById(id);

/** A new element, with these properties and these children: elements or texts. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

export function show(shown, isShown = true) {
  shown.hidden = !isShown;
}

/** Tells those who listen to the page rather than see it. */
export function announce(text) {
  if (byId('status').textContent !== text) {
    byId('status').textContent = text;
  }
}

/** Says what went wrong, and offers ways on: buttons. No text hides it. */
export function tell(place, text, ...ways) {
  const said = text ? [element('p', {}, text)] : [];
  place.replaceChildren(...said, ...(ways.length ? [element('p', { className: 'actions' }, ...ways)] : []));
  show(place, Boolean(text));
}

export function button(text, onclick, className = '') {
  return element('button', { type: 'button', className, onclick }, text);
}
