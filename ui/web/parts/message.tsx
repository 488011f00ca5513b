// What happened or went wrong, at the foot of the page until it is put away; a screen reader says it at once.
import { message, say, watch } from '../state/store.js';

export function Message(): preact.JSX.Element {
  const note = watch.value?.notes.at(-1);
  const text = message.value || note || '';
  return (
    <div class="message" role="status" aria-live="polite">
      {text && (
        <p>
          {text}
          {message.value && (
            <button type="button" class="quiet" aria-label="Put this message away" onClick={() => say('')}>
              ×
            </button>
          )}
        </p>
      )}
    </div>
  );
}
