// Whether a key belongs to what has the focus (a text field, a choice) and not to the page.

export function inField(event: KeyboardEvent): boolean {
  const { target } = event;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest('dialog')) return true;
  return target instanceof HTMLInputElement
    ? target.type !== 'range' && target.type !== 'checkbox'
    : /^(TEXTAREA|SELECT)$/.test(target.tagName);
}

/** Space and Enter press a button or follow a link that has the focus. */
export function pressesSomething(event: KeyboardEvent): boolean {
  return (
    (event.key === ' ' || event.key === 'Enter') &&
    event.target instanceof Element &&
    event.target.closest('button, a, summary, input') !== null
  );
}
