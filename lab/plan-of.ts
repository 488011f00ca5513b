// The cluster of a lab that is there: worked out again from what its state says.
import { Claims, type Cluster, ObjectSet } from '../kube/index.js';
import { loadTopology } from './load.js';
import { type Lab, planLab } from './resolve.js';
import type { LabState } from './state.js';

export function planOf({ lab, kube }: LabState): { lab: Lab; cluster: Cluster } {
  const { name, ports, pipeline } = lab;
  return planLab(loadTopology(lab.topology), {
    name,
    ports,
    pipeline,
    objects: new ObjectSet(kube.objects),
    claims: new Claims(kube.claims),
  });
}
