// What a test run that was killed may have left: things named PREFIX-PID-... whose process is gone.

/** The names that may be removed. */
export function orphans(prefix: string, names: string[]): string[] {
  const pattern = new RegExp(`^${prefix}-(\\d+)-`);
  return names.filter((name) => {
    const pid = Number(pattern.exec(name)?.[1] ?? NaN);
    return !Number.isNaN(pid) && !alive(pid);
  });
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'EPERM';
  }
}
