// What a node's agent knows: the lab's state, read again whenever it has changed, and what the pipeline makes of it.
import { statSync } from 'node:fs';
import { agentContext } from '../../flows/antrea/agent/context.js';
import type { AgentContext } from '../../flows/antrea/agent/types.js';
import { Ids, pipelineByName } from '../../flows/antrea/index.js';
import { type Cluster, nodeState } from '../../kube/index.js';
import { getState } from '../exec.js';
import { agentState } from '../generate.js';
import { planOf } from '../plan-of.js';
import type { Lab, LabNode } from '../resolve.js';
import { stateFile } from '../state.js';

interface Known {
  lab: Lab;
  node: LabNode;
  cluster: Cluster;
  context: AgentContext;
  /** No change is under way. */
  complete: boolean;
}

export class Knowledge {
  #stamp = '';
  #known: Known | undefined;

  constructor(
    private readonly lab: string,
    private readonly node: string,
  ) {}

  /** Throws when there is no such lab. */
  get(): Known {
    const stamp = this.#stampNow();
    if (!this.#known || stamp !== this.#stamp) {
      this.#known = this.#read();
      this.#stamp = stamp;
    }
    return this.#known;
  }

  /** The state file is replaced at every change, never written in place. */
  #stampNow(): string {
    const stat = statSync(stateFile(this.lab), { throwIfNoEntry: false });
    return stat ? `${stat.ino} ${stat.mtimeMs}` : '';
  }

  #read(): Known {
    const before = getState(this.lab);
    const { lab, cluster } = planOf(before);
    const node = lab.nodes.find(({ name }) => name === this.node);
    if (!node)
      throw new Error(
        `lab ${this.lab} has no node ${this.node}; it has ${lab.nodes.map(({ name }) => name).join(', ')}`,
      );
    const state = nodeState(cluster, node.name);
    const ids = new Ids({ from: before.kube.ids[node.name] });
    const generated = pipelineByName(lab.pipeline!).generate(state, {
      ids,
      agent: agentState(lab, cluster, node, state),
    });
    return { lab, node, cluster, context: agentContext(state, ids, generated), complete: before.complete };
  }
}
