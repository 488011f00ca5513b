// The article's tables and ports, for both live switches. To: the tests of its walks and of random packets through it.
import { flowsPath, type NodeName, portsFile } from '../helpers/article.js';
import type { LiveSetup } from './live.js';

export function articleSetup(node: NodeName): LiveSetup {
  return { ports: portsFile(node), flows: flowsPath(node) };
}
