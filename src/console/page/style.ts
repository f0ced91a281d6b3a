/** How the page looks: light, dark and on paper, down to 360 px. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f5f6f8; --ink: #1b1f24; --faint: #59616b; --line: #d5d9de;
  --succeeded: #2f74c9; --failed: #cf4a1f; --waiting: #e3a008; --held: #8a52b8; --other: #7d858e; --second: #0f8a7a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --panel: #1d2126; --ink: #e8eaed; --faint: #a3abb5; --line: #3a4048;
    --succeeded: #5b9df0; --failed: #f0754b; --waiting: #f0bd3a; --held: #b98ae0; --other: #8b949e; --second: #3fbfae;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 72rem; padding: 1.5rem 1rem 3rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
}
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 0 0 .6rem; }
p { margin: .25rem 0; }
.faint { color: var(--faint); }
.warning { margin: .5rem 0; border-left: .25rem solid var(--failed); padding-left: .6rem; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(46%, 12rem), 1fr)); gap: .6rem; margin: 1.25rem 0; padding: 0; }
.tiles div { background: var(--panel); border-radius: .4rem; padding: .5rem .75rem; }
.tiles dt { color: var(--faint); font-size: .85rem; }
.tiles dd { margin: 0; overflow-wrap: anywhere; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); column-gap: 1rem; }
figure, section { margin: 0 0 1.25rem; }
figure { border: 1px solid var(--line); border-radius: .4rem; padding: .75rem; }
figure.wide { grid-column: 1 / -1; }
.plot { display: grid; grid-template-columns: auto 1fr; gap: .25rem .5rem; font-size: .8rem; color: var(--faint); }
.plot svg { width: 100%; height: 9rem; display: block; border-bottom: 1px solid var(--line); }
.wide .plot svg { height: 12rem; }
.scale { display: flex; flex-direction: column; justify-content: space-between; text-align: right; }
.times { grid-column: 2; display: flex; justify-content: space-between; gap: .5rem; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .5rem 0 0; padding: 0; font-size: .85rem; }
.legend svg { width: .8rem; height: .8rem; margin-right: .35rem; vertical-align: -.05rem; }
.succeeded { fill: var(--succeeded); } .failed { fill: var(--failed); } .waiting { fill: var(--waiting); }
.held { fill: var(--held); } .other { fill: var(--other); } .second { fill: var(--second); }
polyline { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }
polyline.succeeded { stroke: var(--succeeded); fill: none; } polyline.failed { stroke: var(--failed); fill: none; stroke-dasharray: 5 3; }
.over { fill: transparent; }
.grid { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .87rem; }
caption { text-align: left; color: var(--faint); padding-bottom: .35rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; min-width: 8rem; }
td.number, th.number { min-width: 0; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.words { min-width: 16rem; }
td.bar { width: 30%; min-width: 5rem; }
td.bar svg { width: 100%; height: .8rem; display: block; margin-top: .3rem; }
th button { all: unset; cursor: pointer; font-weight: 600; white-space: nowrap; }
th button:focus-visible, input:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--succeeded); outline-offset: 2px; }
th[aria-sort=ascending] button::after { content: " ↑"; } th[aria-sort=descending] button::after { content: " ↓"; }
.search { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; margin-bottom: .5rem; }
input { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--line); border-radius: .3rem; padding: .3rem .5rem; width: min(100%, 22rem); }
[hidden] { display: none !important; }
summary { cursor: pointer; }
@media print {
  :root {
    color-scheme: light;
    --paper: #ffffff; --panel: #f5f6f8; --ink: #000000; --faint: #444444; --line: #bbbbbb;
    --succeeded: #2f74c9; --failed: #cf4a1f; --waiting: #e3a008; --held: #8a52b8; --other: #7d858e; --second: #0f8a7a;
  }
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  .search, details:not([open]) { display: none; }
  .scroll { overflow: visible; }
  figure, tr, .tiles div { break-inside: avoid; }
  thead { display: table-header-group; }
  td, td.words, td.bar { min-width: 0; }
  table { font-size: 7.5pt; }
  .tiles div { border: 1px solid var(--line); }
}
`;
