// The pipelines that a lab's switches can run: those whose flows hold nothing that the switch refuses.
import { checkSupported } from '../../dataplane/tables/supported.js';
import { UnsupportedError } from '../../dataplane/errors.js';
import { PIPELINES } from '../../flows/antrea/index.js';
import { nodeState, ObjectSet, readManifests, resolveCluster } from '../../kube/index.js';
import { ROOT } from './article.js';

const state = nodeState(resolveCluster(new ObjectSet(readManifests([`${ROOT}lab/article/objects`]).objects)), 'worker1');

export const LAB_PIPELINES = PIPELINES.filter((pipeline) => {
  try {
    for (const { spec } of pipeline.generate(state).flows) checkSupported(spec.actions);
    return true;
  } catch (e) {
    if (e instanceof UnsupportedError) return false;
    throw e;
  }
});
