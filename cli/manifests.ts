// What `flows generate` and `flows explain` work from: Kubernetes manifests on the command line, or the objects of a
// running lab; resolved to a cluster on paper with the pipeline that was asked for.
import { Option, type Command } from 'commander';
import { PIPELINES, pipelineByName, type Pipeline } from '../flows/antrea/index.js';
import { PaperCluster } from '../flows/antrea/paper.js';
import { type Family, familyOf } from '../kube/address.js';
import { type Cluster, DEFAULT_CONFIG, ObjectSet, readManifests, resolveCluster } from '../kube/index.js';
import { note } from './output.js';
import { UsageError } from './errors.js';

export interface ManifestOptions {
  file?: string[];
  pipeline?: string;
  podCidr?: string[];
  serviceCidr?: string[];
}

const many = (value: string, all: string[] = []): string[] => [...all, value];

export function addManifestOptions(command: Command): Command {
  return command
    .option('-f, --file <file-or-folder>', 'Kubernetes manifests; repeat it for more', many)
    .addOption(
      new Option('--pipeline <name>', 'which generation of Antrea')
        .choices(PIPELINES.map((p) => p.name))
        .default('v0.10'),
    )
    .option(
      '--pod-cidr <network>',
      "the cluster's pod network; repeat it for the other family (default: 10.244.0.0/16)",
      many,
    )
    .option('--service-cidr <network>', "the cluster's Service network; likewise (default: 10.96.0.0/12)", many);
}

/** Warnings and complaints go to stderr. */
export function paperCluster({ file, pipeline: name = 'v0.10', podCidr, serviceCidr }: ManifestOptions): PaperCluster {
  if (!file) throw new UsageError('expected -f FILE: Kubernetes manifests');
  const pipeline = pipelineByName(name);
  const { objects, warnings } = readManifests(file);
  for (const warning of warnings) note(warning);
  const cluster = resolveCluster(new ObjectSet(objects), {
    podCidrs: byFamily(podCidr) ?? DEFAULT_CONFIG.podCidrs,
    serviceCidrs: byFamily(serviceCidr) ?? DEFAULT_CONFIG.serviceCidrs,
    ...portsOf(pipeline),
  });
  for (const complaint of cluster.complaints) note(complaint);
  return new PaperCluster(cluster, pipeline);
}

function portsOf({ ofports }: Pipeline): Pick<Cluster['config'], 'gateway' | 'tunnel'> {
  return {
    gateway: { name: DEFAULT_CONFIG.gateway.name, ofport: ofports.gateway },
    tunnel: { name: DEFAULT_CONFIG.tunnel.name, ofport: ofports.tunnel },
  };
}

function byFamily(networks: string[] | undefined): { [family in Family]?: string } | undefined {
  return networks && Object.fromEntries(networks.map((network) => [familyOf(network), network]));
}

/** The node meant: the one named, or the only one there is. */
export function nodeMeant({ nodes }: Cluster, name: string | undefined): string {
  if (name !== undefined) return name;
  if (nodes.length === 1) return nodes[0].name;
  throw new UsageError(`expected --node NAME (${nodes.map((n) => n.name).join(', ') || 'the manifests have no Node'})`);
}
