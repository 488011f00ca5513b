// Commands that change flows and groups, done to real Open vSwitch and to packetwalk: the same flows are left, with the
// same counts, and what one refuses the other refuses.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { switchConfigSchema } from '../../dataplane/config.js';
import { InputError } from '../../dataplane/errors.js';
import { createSwitch, type Switch } from '../../dataplane/switch.js';
import { addon } from '../helpers/addon.js';
import { frameOf } from '../helpers/frames.js';
import { Random, SEED } from '../helpers/random.js';
import { Ovs, ovsMissing } from './ovs.js';

const PORTS = { bridge: 'br0', ports: [1, 2, 3].map((n) => ({ name: `p${n}`, ofport: n })) };
const missing = addon.missing ?? ovsMissing();
type Version = 'OpenFlow10' | 'OpenFlow15';

let ovs: Ovs;
let sw: Switch;

const frames = [80, 53].flatMap((port) =>
  ['192.0.2.1', '192.0.2.2'].map((nw_src) => {
    const common = {
      dl_src: '02:00:00:00:00:01',
      dl_dst: '02:00:00:00:00:02',
      nw_src,
      nw_dst: '198.51.100.1',
      nw_ttl: 64,
    };
    return frameOf(
      port === 80
        ? { ...common, tcp_src: 1000, tcp_dst: port, tcp_flags: 'syn' }
        : { ...common, udp_src: 1000, udp_dst: port },
    );
  }),
);

async function traffic(r: Random): Promise<void> {
  for (let n = r.below(4); n > 0; n--) {
    const frame = r.pick(frames);
    await ovs.send('p1', frame);
    sw.inject('p1', frame);
    await sw.settle();
  }
  // What OVS has not counted when flows change, it counts for the new ones.
  await ovs.appctl('revalidator/purge');
}

const steady = (line: string): string => line.replace(/(duration|idle_age|hard_age)=[^,]*, ?/g, '').trim();

async function compare(version: Version, story: string): Promise<void> {
  // OpenFlow 1.0 has no words for these.
  const unsaid = version === 'OpenFlow15' ? /^$/ : /(send_flow_rem|check_overlap) /g;
  const told = (lines: string[]): string[] =>
    lines
      .map((line) => steady(line).replace(unsaid, ''))
      .filter((line) => line !== '')
      .sort();
  const theirs = told(await ovs.countedFlows(version));
  expect(told(sw.dumpFlows('', { names: false }).split('\n')), story).toEqual(theirs);
}

/** Whether both did it. */
async function both(name: string, theirs: () => Promise<unknown>, ours: () => unknown): Promise<boolean> {
  let said: unknown;
  const done = await theirs().then(
    () => true,
    (e: unknown) => ((said = e), false),
  );
  let mine = true;
  let refusal = '';
  try {
    await ours();
  } catch (e) {
    if (!(e instanceof InputError)) throw e;
    mine = false;
    refusal = e.message;
  }
  await sw.settled();
  expect(mine, `${name}\n${String(said)}\n${refusal}`).toBe(done);
  return done;
}

const MATCHES = [
  '',
  'ip',
  'tcp',
  'udp',
  'tcp,tcp_dst=80',
  'udp,udp_dst=53',
  'ip,nw_src=192.0.2.1',
  'tcp,nw_src=192.0.2.0/24',
];
const ACTIONS = ['output:2', 'output:3', 'drop', 'resubmit(,1)', 'output:2,output:3'];

/** With traffic, no two flows of one priority may overlap: which of them counts a packet is left open. */
let withTraffic = false;

function match(r: Random, strict: boolean): string {
  const index = r.below(MATCHES.length);
  const terms = [...(r.chance(2) ? [`table=${r.below(2)}`] : []), MATCHES[index]];
  if (strict && (withTraffic || r.chance(2))) terms.push(`priority=${1 + r.below(2) + (withTraffic ? 10 * index : 0)}`);
  return terms.filter((t) => t !== '').join(',');
}

function flow(r: Random, version: Version): string {
  const terms = [match(r, true)];
  if (r.chance(2)) terms.push(`cookie=${1 + r.below(3)}`);
  if (!withTraffic && r.chance(4)) terms.push('check_overlap');
  if (r.chance(4)) terms.push(`idle_timeout=${100 + r.below(2)}`);
  if (version === 'OpenFlow15') {
    if (r.chance(4)) terms.push('reset_counts');
    if (r.chance(6)) terms.push('no_packet_counts');
    if (r.chance(6)) terms.push('send_flow_rem');
  }
  return `${terms.filter((t) => t !== '').join(',')} actions=${r.pick(ACTIONS)}`.replace(/^ /, '');
}

function filter(r: Random, strict: boolean): string {
  const terms = [match(r, strict)];
  if (r.chance(3)) terms.push(`cookie=${1 + r.below(3)}/${r.pick(['-1', '1', '2'])}`);
  if (r.chance(4)) terms.push(`out_port=${2 + r.below(2)}`);
  return terms.filter((t) => t !== '').join(',');
}

async function command(r: Random, version: Version): Promise<string> {
  const modern = version !== 'OpenFlow10';
  const strict = r.chance(2);
  const flags = strict ? ['--strict'] : [];
  switch (r.below(8)) {
    case 0: {
      const text = filter(r, strict);
      const story = `del-flows ${flags.join()} ${text}`;
      await both(
        story,
        () => ovs.ofctl(version, 'del-flows', ...(text ? [text] : []), ...flags),
        () => sw.delFlows(text, { strict }),
      );
      return story;
    }
    case 1:
    case 2: {
      const text = flow(r, version)
        .replace('check_overlap,', '')
        .replace(/cookie=(\d)/, (m: string) => (r.chance(2) ? `${m}/-1` : m));
      const story = `mod-flows ${flags.join()} ${text}`;
      const name = strict ? 'modify_strict' : 'modify';
      await both(
        story,
        () => ovs.ofctl(version, 'mod-flows', text, ...flags),
        () => sw.openflow.mod(text, { command: name, modern }),
      );
      return story;
    }
    case 3: {
      if (!modern) return '';
      const commands = ['add', 'delete', 'modify', 'modify_strict', 'delete_strict'];
      const lines = Array.from({ length: 1 + r.below(4) }, () => {
        const c = r.pick(commands);
        return `${c} ${c.startsWith('delete') ? filter(r, c.endsWith('strict')) : flow(r, version)}`;
      });
      const story = `--bundle add-flows\n  ${lines.join('\n  ')}`;
      const text = lines.join('\n');
      await both(
        story,
        () => ovs.bundle(version, text),
        () => sw.openflow.mod(text, { bundle: true }),
      );
      return story;
    }
    case 4: {
      if (!modern) return '';
      // Of the flags, ovs-ofctl keeps send_flow_rem alone.
      const lines = Array.from({ length: 1 + r.below(5) }, () =>
        flow(r, version)
          .replace(/(check_overlap|reset_counts|no_packet_counts),?/g, '')
          .replace(', actions', ' actions'),
      );
      const story = `replace-flows\n  ${lines.join('\n  ')}`;
      const text = lines.join('\n');
      const difference = await ovs.diffFlows(version, text);
      expect(sw.openflow.replace(text, { dryRun: true }).difference.map(plain).sort(), story).toEqual(
        difference.map(plain).sort(),
      );
      await both(
        story,
        () => ovs.replaceByFile(version, text),
        () => sw.openflow.replace(text, { bundle: true }),
      );
      return story;
    }
    default: {
      const text = flow(r, version);
      const story = `add-flow ${text}`;
      await both(
        story,
        () => ovs.ofctl(version, 'add-flow', text),
        () => sw.openflow.mod(text, { modern }),
      );
      return story;
    }
  }
}

const plain = (line: string): string => line.replace(/"p(\d)"/g, '$1').trim();

describe.skipIf(missing)(`flow commands, against Open vSwitch${missing ? ` (skipped: ${missing})` : ''}`, () => {
  beforeAll(async () => {
    ovs = await Ovs.start({ ports: PORTS });
    const extraPorts = PORTS.ports.map((p) => ({ kind: 'memory' as const, ...p, mtu: 1500 }));
    sw = await createSwitch(switchConfigSchema.parse({ rundir: '/nonexistent' }), { baseDir: '/', extraPorts });
  });
  afterAll(async () => {
    sw?.close();
    await ovs?.stop();
  });

  it.each<Version>(['OpenFlow10', 'OpenFlow15'])(
    '%s: random commands leave the same flows and counts',
    async (version) => {
      const r = new Random(SEED);
      for (let round = 0; round < ROUNDS; round++) {
        withTraffic = r.chance(2);
        await ovs.replaceFlows([], version);
        sw.delFlows('');
        sw.purgeMegaflows();
        const story: string[] = [`seed ${SEED} round ${round}`];
        for (let step = 0; step < 8; step++) {
          story.push(await command(r, version));
          await compare(version, story.join('\n'));
          if (withTraffic) await traffic(r);
        }
        await compare(version, story.join('\n'));
      }
    },
  );

  it.each<Version>(['OpenFlow10', 'OpenFlow15'])(
    "%s: flows that match the datapath's own fields are refused, filters are not",
    async (version) => {
      const modern = version !== 'OpenFlow10';
      for (const match of ['dp_hash=1', 'dp_hash=0/0xf', 'dp_hash=0/0', 'recirc_id=0', 'recirc_id=2']) {
        const text = `${match} actions=drop`;
        await both(
          text,
          () => ovs.ofctl(version, 'add-flow', text),
          () => sw.openflow.mod(text, { modern }),
        );
        await both(
          `mod ${text}`,
          () => ovs.ofctl(version, 'mod-flows', text),
          () => sw.openflow.mod(text, { command: 'modify', modern }),
        );
        await both(
          `del ${match}`,
          () => ovs.ofctl(version, 'del-flows', match),
          () => sw.delFlows(match),
        );
      }
      expect(() => sw.openflow.mod('table=3,dp_hash=1 actions=drop', { modern })).toThrow(
        '<flows>:1:1: expected fields that flows may match, got dp_hash',
      );
    },
  );
});

const ROUNDS = Number(process.env.PACKETWALK_CASES ?? 6);
