// The article's walks in the later pipelines: other tables, other ways (docs/walks), the same application result.
// v0.10's are checked table by table in lab-apply.test.ts. Needs root.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PIPELINES } from '../../flows/antrea/index.js';
import { packageFile } from '../../dataplane/root.js';
import { down, type Lab, loadTopology, missingRequirements, netnsOf, up } from '../../lab/index.js';
import { loadWalks } from '../../lab/walk/expected.js';
import { sendTraffic } from '../../lab/walk/traffic.js';

const missing = await missingRequirements();
const walks = loadWalks(packageFile('lab', 'article', 'walks.yaml'));
const later = PIPELINES.filter(({ name }) => name !== 'v0.10');

describe.skipIf(missing.length > 0).each(later.map(({ name }, i) => ({ name, labName: `fwalk${i}` })))(
  `the article's requests, pipeline $name${missing.length ? ` (skipped: ${missing[0]})` : ''}`,
  ({ name, labName }) => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await up(loadTopology(), { name: labName, pipeline: name });
    });
    afterAll(async () => {
      await down(labName);
    });

    it.each(walks)('walk $id is answered as in the article', async (walk) => {
      const { text } = await sendTraffic(
        walk,
        (place) => netnsOf(lab, place),
        async () => {},
      );
      expect(text).toContain('neighbour' in walk.start ? 'is at aa:bb:cc:dd:ee:ff' : `${walk.start.answered_by} at `);
    });
  },
);
