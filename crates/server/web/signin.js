// The token that the server wants; it becomes a cookie that scripts cannot read.

import * as api from './api.js';
import { dialog, h, icon } from './dom.js';

/** @param {() => void} done */
export function openSignIn(done) {
  let signed = false;
  const field = h('input', { type: 'password', id: 'token', autocomplete: 'current-password', required: true });
  const wrong = h('p', { class: 'wrong', role: 'alert', hidden: true });
  const form = h(
    'form',
    { class: 'stack' },
    h(
      'p',
      {},
      'This server wants a token. Whoever runs it has it: it is in the file or variable that “vizsla serve” was given.',
    ),
    h('label', { for: 'token' }, 'Token', field),
    wrong,
    h('button', { type: 'submit', class: 'strong' }, icon('key'), 'Sign in'),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    try {
      await api.signIn(field.value.trim());
      signed = true;
      window.close();
    } catch (error) {
      if (!(error instanceof api.Problem)) throw error;
      wrong.textContent =
        error.status === 401
          ? 'This is not the token. Check that no sign is missing at its ends.'
          : `${error.title}. ${error.detail}`;
      wrong.hidden = false;
      field.select();
    }
  });
  // Without a token there is nothing behind this window to go back to.
  const window = dialog('sign-in', 'Sign in', [form], () => (signed ? done() : openSignIn(done)));
  field.focus();
}
