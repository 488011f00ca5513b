// Reads a topology file. Everything wrong with it is one InputError with file, line, column and caret.
import { dirname, resolve } from 'node:path';
import { InputError } from '../dataplane/errors.js';
import { parseConfig, readText } from '../dataplane/read-config.js';
import { packageFile } from '../dataplane/root.js';
import { topologySchema } from './check.js';
import { labName, type Topology } from './schema.js';

/** The cluster of the article, which the walks are about. */
export const articleTopology = packageFile('lab', 'article', 'topology.yaml');

export interface LoadedTopology {
  /** Absolute. */
  file: string;
  topology: Topology;
}

export function loadTopology(file: string = articleTopology): LoadedTopology {
  return { file: resolve(file), topology: parseConfig(readText(file), file, topologySchema) };
}

/** The absolute path of a file that a topology names. */
export function besideTopology({ file }: LoadedTopology, name: string): string {
  return resolve(dirname(file), name);
}

/** A lab's name as a user gave it, checked. */
export function labNameOf(name: string): string {
  const result = labName.safeParse(name);
  if (!result.success) throw new InputError('ELABNAME', `lab name: ${result.error.issues[0].message}`);
  return result.data;
}
