// Builds the addon with node-gyp, against the headers that came with this node when they are there (so that nothing is
// downloaded). `configure` runs each time because the list of sources may have grown.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const prefix = join(dirname(process.execPath), '..');
const headers = existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
const gyp = join(root, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
if (!existsSync(gyp)) {
  process.stderr.write('packetwalk: node_modules is missing; run npm ci\n');
  process.exit(1);
}
const jobs = String(Math.max(1, availableParallelism()));
const r = spawnSync(process.execPath, [gyp, 'configure', 'build', '--jobs', jobs, '--loglevel=warn', ...headers], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(r.status ?? 1);
