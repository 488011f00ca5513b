// OpenFlow port numbers as text: reserved names, numbers, and the names that a switch or a ports file knows.
// Used by format.ts for in_port and by the action parser for output and resubmit.
import { InputError } from '../errors.js';
import { OFPP, type OfPort, type PortNames } from '../openflow/ast.js';

const reserved = new Map<string, OfPort>([
  ['UNSET', OFPP.UNSET],
  ['IN_PORT', OFPP.IN_PORT],
  ['TABLE', OFPP.TABLE],
  ['NORMAL', OFPP.NORMAL],
  ['FLOOD', OFPP.FLOOD],
  ['ALL', OFPP.ALL],
  ['CONTROLLER', OFPP.CONTROLLER],
  ['LOCAL', OFPP.LOCAL],
  ['ANY', OFPP.NONE],
  ['NONE', OFPP.NONE],
]);
const reservedNames = new Map<OfPort, string>([...reserved].reverse().map(([name, port]) => [port, name]));

/** The reserved port of that name (in any case), such as LOCAL; undefined when there is none. */
function reservedPort(text: string): OfPort | undefined {
  return reserved.get(text.toUpperCase());
}

/** A name in quotes or bare, a number, or a reserved name. */
export function parsePort(text: string, names?: PortNames): OfPort {
  const quoted = /^"(.*)"$/.exec(text);
  if (!quoted) {
    const wellKnown = reservedPort(text);
    if (wellKnown !== undefined) return wellKnown;
    if (/^[0-9]+$/.test(text)) return portNumber(text);
  }
  const name = quoted ? quoted[1] : text;
  const port = names?.byName(name);
  if (port !== undefined) return port;
  const known = names?.names?.() ?? [];
  throw new InputError(
    'EPORT',
    `expected a port, got ${text === '' ? 'nothing' : `"${name}"`}; ` +
      (known.length > 0
        ? `the ports are ${known.join(', ')}`
        : names
          ? 'there are no ports'
          : 'no port names are known here'),
  );
}

/** OpenFlow 1.0 numbers, or the reserved ones in their OpenFlow 1.1+ form 0xffffff00...0xffffffff. */
function portNumber(text: string): OfPort {
  const n = Number(text);
  if (n <= 0xffff) return n;
  if (n >= 0xffffff00 && n <= 0xffffffff) return n - 0xffff0000;
  throw new InputError('EPORT', `expected a port of 0 to 65535, got ${text}`);
}

/** A reserved name, a known port's name in quotes, or the number. */
export function formatPort(port: OfPort, names?: PortNames): string {
  const wellKnown = reservedNames.get(port);
  if (wellKnown !== undefined) return wellKnown;
  const name = names?.byNumber(port);
  return name !== undefined ? `"${name}"` : String(port);
}
