// Each pipeline's TABLES.md is what the code says.
import { describe, expect, it } from 'vitest';
import { pipelineDocument } from '../../flows/antrea/document.js';
import { PIPELINES } from '../../flows/antrea/index.js';
import { v2State } from '../helpers/antrea-example.js';
import { nodeState, ObjectSet, readManifests, resolveCluster } from '../../kube/index.js';

describe('the tables of a pipeline', () => {
  const article = nodeState(resolveCluster(new ObjectSet(readManifests(['lab/article/objects']).objects)), 'worker1');

  it.each(PIPELINES.map((pipeline) => [pipeline.name, pipeline] as const))(
    'are documented as they are: %s',
    async (name, pipeline) => {
      const state = name === 'v2' ? v2State() : article;
      await expect(pipelineDocument(pipeline, state)).toMatchFileSnapshot(`../../flows/antrea/${name}/TABLES.md`);
    },
  );
});
