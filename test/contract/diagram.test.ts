import { renderDiagram } from '../../scripts/diagram';
import { printTrace, renderTrace } from '../../scripts/trace-diagram';

const boxes = 'cell 100 40\ngap 80 40\none 0,0 ours "One"\ntwo 1,0 store "Two"\n';

it('draws the text of each box and the label of each arrow', () => {
  const svg = renderDiagram(`title A & B\n${boxes}one -> two "to <it>"\n`);
  for (const text of ['<title>A &amp; B</title>', '>One</text>', '>Two</text>', '>to &lt;it&gt;</text>'])
    expect(svg).toContain(text);
  expect(svg).toContain('d="M124 44H204"');
});

it.each([
  ['text wider than its box', 'one 0,0 ours "a name of twenty characters"', 'too wide: a name'],
  ['more lines than a box has room for', 'one 0,0 ours "a|b|c"', 'too many lines: a|b|c'],
  ['a label wider than its arrow', `${boxes}one -> two "a label of many characters"`, 'too wide: a label'],
  ['a box that does not exist', `${boxes}one -> three`, 'not a line of a diagram'],
  ['a kind of box that does not exist', 'one 0,0 blue "One"', 'not a line of a diagram'],
])('refuses %s', (_what, source, message) => {
  expect(() => renderDiagram(`cell 100 40\n${source}`)).toThrow(message);
});

it('draws each span of a trace as a bar with its name and duration', () => {
  const spans = [
    { name: 'POST /graphql', startMs: 0, durationMs: 46, depth: 0, kind: 'ours' },
    { name: 'INSERT users', startMs: 23, durationMs: 11.5, depth: 1, kind: 'store' },
  ];
  const svg = renderTrace(printTrace('A & B', spans));
  expect(svg).toContain('<title>A &amp; B</title>');
  expect(svg).toContain('<rect class="ours" x="324.0" y="27" width="460.0"');
  expect(svg).toContain('<text x="38" y="60">INSERT users</text>');
  expect(svg).toContain('<rect class="store" x="554.0" y="49" width="115.0"');
  expect(svg).toContain('>11.5 ms</text>');
  expect(() => renderTrace('title A trace\n1 2 blue "x"\n')).toThrow('not a line of a trace');
});
