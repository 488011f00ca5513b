// docs/walks/generations.md is what the three generations of the pipeline do with the same request.
import { expect, it } from 'vitest';
import { loadTopology } from '../../lab/index.js';
import { generationsChapter } from '../../lab/walk/generations.js';

const INTRO = `# One request, three generations

The article's objects (\`lab/article/objects\`), the tables that each generation of Antrea's pipeline makes of them, and the way of the
first packet and of its answer, simulated on paper: Antrea 0.10 with kube-proxy in the node's kernel (v0.10, the article's), the same
with AntreaProxy (v0.10-proxy), and today's (v2). A cell is a table that the packet entered, and what it changed; in italics what
connection tracking said when it came back. \`test/golden/generations.test.ts\` writes this file and compares it.

`;

it('the three generations side by side are as written in docs/walks', async () => {
  const chapter = generationsChapter(loadTopology(), [
    {
      title: 'A Service whose backend is on the same node',
      from: 'frontend',
      to: 'backendsvc:80',
      endpoint: '10.222.1.47:80',
    },
    {
      title: 'A Service whose backend is on another node',
      from: 'frontend',
      to: 'backendsvc:80',
      endpoint: '10.222.2.34:80',
    },
    { title: 'A pod on another node', from: 'frontend', to: 'backend2:80' },
  ]);
  expect(chapter.match(/frontend is connected to \w+/g)).toEqual(
    ['backend1', 'backend2', 'backend2'].flatMap((to) => Array(3).fill(`frontend is connected to ${to}`)),
  );
  await expect(INTRO + chapter).toMatchFileSnapshot('../../docs/walks/generations.md');
});
