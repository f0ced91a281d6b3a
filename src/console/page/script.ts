/** What the page does in a browser: it searches and sorts the rows of its table. Without it all of them are there. */
export const SCRIPT = `
'use strict';
for (const table of document.querySelectorAll('table[data-searched]')) {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const search = document.getElementById(table.dataset.searched);
  const input = search.querySelector('input');
  const status = search.querySelector('[role=status]');
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const show = () => {
    const words = input.value.toLowerCase().split(/\\s+/).filter((word) => word !== '');
    let count = 0;
    for (const row of rows) {
      const isFound = words.every((word) => texts.get(row).includes(word));
      row.hidden = !isFound;
      if (isFound) count += 1;
    }
    status.textContent = count + ' of ' + rows.length + (rows.length === 1 ? ' row' : ' rows');
  };
  input.addEventListener('input', show);
  search.hidden = false;
  show();
  const { compare } = new Intl.Collator('en', { numeric: true });
  Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener('click', () => {
      const isUp = head.getAttribute('aria-sort') !== 'ascending';
      for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', isUp ? 'ascending' : 'descending');
      const textOf = (row) => row.cells[column].textContent;
      rows.sort((left, right) => (isUp ? 1 : -1) * compare(textOf(left), textOf(right)));
      body.append(...rows);
    });
  });
}
`;
