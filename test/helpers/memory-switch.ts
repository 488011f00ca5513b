// A switch with the article's flows of one node, its ports in memory: real addon, real tables, no kernel.
import { switchConfigSchema } from '../../dataplane/config.js';
import { createSwitch, type Switch } from '../../dataplane/switch.js';
import { flowsPath, type NodeName, portsFile } from './article.js';

export async function articleSwitch(node: NodeName, log?: (text: string) => void): Promise<Switch> {
  const ports = portsFile(node);
  const config = switchConfigSchema.parse({
    rundir: '/nonexistent',
    bridge: ports.bridge,
    tlvMap: ports.tlv_map,
    flows: [flowsPath(node)],
  });
  // What goes into the tunnel is not looked at here: a memory port in its place.
  const extraPorts = ports.ports.map((p) => ({
    kind: 'memory' as const,
    name: p.name,
    ofport: p.ofport,
    mtu: 1500,
    mac: p.mac,
  }));
  return createSwitch(config, { baseDir: '/', log, extraPorts });
}

export async function memorySwitch(flows: string, ports: string[], log?: (text: string) => void): Promise<Switch> {
  const config = switchConfigSchema.parse({ rundir: '/nonexistent' });
  const extraPorts = ports.map((name, i) => ({ kind: 'memory' as const, name, ofport: i + 1, mtu: 1500 }));
  const sw = await createSwitch(config, { baseDir: '/', log, extraPorts });
  try {
    sw.addFlows(flows);
  } catch (e) {
    sw.close();
    throw e;
  }
  return sw;
}
