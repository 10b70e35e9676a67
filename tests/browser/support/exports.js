// Exports that tests make up.

/** A list of one chat that doesn't say whose export it is, and in which several could be the owner. */
export function withoutOwner(...names) {
  const messages = [];
  for (let minute = 0; minute < 40; minute += 1) {
    names.forEach((name, index) => messages.push({
      id: messages.length,
      type: 'message',
      date: `2024-01-01T10:${String(minute).padStart(2, '0')}:${10 + index}`,
      from: name,
      from_id: `user${100 + index}`,
      text: `What ${index} says in minute ${minute}: it was a long and beautiful day at the lake`,
    }));
  }
  return named('chats.json', JSON.stringify([{ name: names[0], type: 'personal_chat', id: 7, messages }]));
}

/** A file as the browser takes it from the test. */
export function named(name, content) {
  return { name, mimeType: 'application/octet-stream', buffer: Buffer.from(content) };
}
