// What can be done, and with which key.

import { dialog, h } from './dom.js';

/** @type {[string, [string, string][]][]} */
const KEYS = [
  [
    'Everywhere',
    [
      ['/', 'Type words'],
      ['u', 'Choose a picture to search with; dropping and pasting work too'],
      ['f', 'Filter'],
      ['1 – 4', 'Pictures, map, world, runs'],
      ['?', 'This list'],
      ['Esc', 'Close what is open'],
    ],
  ],
  [
    'Results',
    [
      ['← → ↑ ↓', 'From picture to picture'],
      ['Enter', 'Why it is there'],
      ['m', 'More like this; again takes it back'],
      ['n', 'Not like this'],
    ],
  ],
  [
    'Box on the picture',
    [
      ['← → ↑ ↓', 'Move it'],
      ['Shift + arrows', 'Make it larger or smaller'],
      ['Ctrl', 'In small steps'],
      ['Delete', 'The whole picture again'],
    ],
  ],
  [
    'Details',
    [
      ['← →', 'The result before, the next'],
      ['m n', 'More, less like this'],
    ],
  ],
  [
    'Match lines and maps',
    [
      ['← → ↑ ↓', 'Move'],
      ['+ −', 'Zoom'],
      ['0', 'Show all'],
      ['l', 'Lasso'],
      ['s', 'Select what is in sight'],
    ],
  ],
];

export function openHelp() {
  const rows = KEYS.flatMap(([part, keys]) => [
    h('dt', { class: 'part' }, part),
    ...keys.flatMap(([key, what]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, what)]),
  ]);
  dialog('help', 'Keyboard', [
    h('dl', { class: 'keys' }, rows),
    h('p', { class: 'sources' }, 'For programs: ', h('a', { href: '/docs' }, 'the API'), '.'),
  ]);
}
