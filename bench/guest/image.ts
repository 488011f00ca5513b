// The guest's kernel, its modules and its first programs. The packages are fetched and unpacked once into the user's
// cache folder and never installed; the initramfs is packed anew for each boot (vm.ts), in less than a second.
import { access, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { packageFile } from '../../dataplane/root.js';
import { ProgramError, run } from '../../lab/run.js';

export interface Image {
  /** File of the kernel. */
  kernel: string;
  /** Its version, as uname -r says it. */
  release: string;
  /** Folder that holds a folder `release` of modules. */
  modules: string;
  /** Statically linked, for the initramfs. */
  busybox: string;
}

/** Whose dependency is the newest stock kernel. The -cloud- kernels have no 9p. */
const KERNEL = 'linux-image-amd64';
/** Before the host's files can be seen; the others are loaded from there. */
const FIRST_MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];
const FETCH_MS = 600_000;

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'packetwalk', 'guest');
}

/** Fetches what is not there yet. Restartable: what was interrupted leaves nothing that looks finished. */
export async function prepareImage(told: (text: string) => void, signal: AbortSignal): Promise<Image> {
  const cache = cacheFolder();
  await mkdir(cache, { recursive: true });
  const kernelFolder = await unpacked(cache, 'kernel', kernelPackage, told, signal);
  const busyboxFolder = await unpacked(cache, 'busybox', async () => 'busybox-static', told, signal);
  const modules = join(kernelFolder, 'lib', 'modules');
  const [release] = await readdir(modules);
  if (!(await exists(join(modules, release, 'modules.dep')))) {
    told(`listing the modules of Linux ${release}`);
    await run('depmod', ['-b', kernelFolder, release], { signal });
  }
  return {
    kernel: join(kernelFolder, 'boot', `vmlinuz-${release}`),
    release,
    modules,
    busybox: join(busyboxFolder, 'bin', 'busybox'),
  };
}

async function unpacked(
  cache: string,
  name: string,
  packageOf: () => Promise<string>,
  told: (text: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const folder = join(cache, name);
  if (await exists(folder)) return folder;
  const work = await mkdtemp(join(cache, `${name}-`));
  try {
    const pkg = await packageOf();
    told(`fetching ${pkg}`);
    await run('env', ['-C', work, 'apt-get', '-q', 'download', pkg], { timeoutMs: FETCH_MS, signal });
    const [file] = await readdir(work);
    told(`unpacking ${file}`);
    await run('dpkg', ['-x', join(work, file), join(work, 'files')], { timeoutMs: FETCH_MS, signal });
    // Another bench may have been faster; its files are as good.
    await rename(join(work, 'files'), folder).catch(async (error) => {
      if (!(await exists(folder))) throw error;
    });
    return folder;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function kernelPackage(): Promise<string> {
  const depends = async () =>
    /^\s*Depends: (linux-image-[0-9]\S*)/m.exec((await run('apt-cache', ['depends', KERNEL])).stdout)?.[1];
  const found = await depends().catch((error) => {
    if (error instanceof ProgramError) return undefined; // it knows no such package: its lists may be missing
    throw error;
  });
  if (found) return found;
  await run('apt-get', ['-q', 'update'], { timeoutMs: FETCH_MS });
  const now = await depends();
  if (!now) throw new Error(`apt-cache depends ${KERNEL}: expected a package linux-image-VERSION`);
  return now;
}

/** Packs the initramfs into `file`, with `work` (an empty folder) as its tree. */
export async function packInitramfs(image: Image, work: string, file: string): Promise<void> {
  for (const folder of ['bin', 'proc', 'sys', 'dev', 'host', 'share', 'top', 'root', 'modules'])
    await mkdir(join(work, folder), { recursive: true });
  await copyFile(image.busybox, join(work, 'bin', 'busybox'));
  await copyFile(packageFile('bench', 'guest', 'init.sh'), join(work, 'init'));
  const files = new Set<string>();
  for (const module of FIRST_MODULES) {
    // depmod wrote its lists beside the modules; modprobe looks for them below `lib`.
    const { stdout } = await run('modprobe', [
      '-d',
      join(image.modules, '..', '..'),
      '-S',
      image.release,
      '--show-depends',
      module,
    ]);
    for (const [, path] of stdout.matchAll(/^insmod (\S+)/gm)) files.add(path);
  }
  for (const path of files) await copyFile(path, join(work, 'modules', basename(path)));
  await writeFile(join(work, 'modules', 'order'), `${[...files].map((path) => basename(path)).join('\n')}\n`);
  await run('chmod', ['755', join(work, 'init')]);
  const { stdout: names } = await run('env', ['-C', work, 'find', '.']);
  await run('env', ['-C', work, image.busybox, 'cpio', '-o', '-H', 'newc', '-F', file], { input: names });
  if ((await readFile(file)).length === 0) throw new Error(`${file}: expected an archive, it is empty`);
}
