// The nine lessons, each about one thing of the article's cluster that surprises people. What is looked at is the real
// lab.
import { tablesOf } from '../walk/observed.js';
import type { WatchedPass } from '../watch/follow.js';
import { type LessonLab, passesOf } from './lesson-lab.js';
import { mistakes } from './mistakes.js';
import type { CheckResult, Lesson } from './types.js';

const FRONTEND = '10.222.1.48';
const BACKEND1 = '10.222.1.47';
const BACKEND2 = '10.222.2.34';
const OCTANT = '10.222.1.3';
const CLIENT = '172.16.100.2';
const SERVICE = 'http://backendsvc/';
const TRIES = 24;

const result = (facts: [ok: boolean, seen: string][]): CheckResult => ({
  solved: facts.every(([ok]) => ok),
  seen: facts.map(([ok, seen]) => `${ok ? 'ok' : 'no'}  ${seen}`),
});
const dropTable = (passes: readonly WatchedPass[]): number | undefined =>
  passes
    .find((p) => p.drop)
    ?.passes.at(-1)
    ?.steps.at(-1)?.table;

const gatewayFirst: Lesson = {
  id: 'gateway-first',
  title: 'Why does a reply to a local pod go to the gateway first?',
  about:
    'frontend asks backendsvc; the host may choose backend1, on the same node. backend1 could answer its neighbour directly, and yet the switch sends the answer to the gateway.',
  task: 'One flow of worker1 is missing now. Every request that the host gives to backend1 hangs. Find out why, and put the flow back.',
  hint: "packetwalk watch --service backendsvc --full shows the SYN-ACK's way; packetwalk whatif mac-rewrite compares it with the right one. The connection has mark 0x20. flows/article/worker1.flows has every flow.",
  start: (lab) => lab.delFlow('worker1', 'table=31,priority=200,ct_state=-new+trk,ct_mark=0x20,ip'),
  check: async (lab) => {
    const stories = await lab.watched({ service: 'backendsvc', pods: ['frontend'] }, () =>
      lab.ask(
        'frontend',
        SERVICE,
        TRIES,
        (all) => ['backend1', 'backend2'].every((b) => all.some((r) => r.text.startsWith(b))) || all.some((r) => !r.ok),
      ),
    );
    const answer = passesOf(stories).find(
      (p) => p.node === 'worker1' && p.in.startsWith('backend1') && String(p.facts.tcp_flags) === 'syn|ack',
    );
    const out = answer?.outputs[0]?.name;
    return result([
      [answer !== undefined, answer ? 'backend1 was chosen and answered' : 'backend1 was not chosen; check again'],
      [out === 'antrea-gw0', `its SYN-ACK left the switch at ${out ?? 'nowhere'}`],
      [!stories.some((s) => s.drop), 'nothing was dropped'],
    ]);
  },
};

const ttl: Lesson = {
  id: 'ttl',
  title: 'Who decrements the TTL, and how often?',
  about:
    'A packet from frontend to backend2 leaves with TTL 64 and arrives with 62: each switch that routes takes one.',
  task: 'Make it arrive with 64, and be answered. Change only table 70 of worker1 and worker2.',
  hint: 'packetwalk trace frontend backend2:80 --explain shows the two flows of table 70. packetwalk flows add with the same match and priority replaces a flow; leave dec_ttl out. packetwalk whatif dec-ttl is the same on paper.',
  check: async (lab) => {
    let request = { ok: false, text: '' };
    const stories = await lab.watched(
      { pods: ['backend2'], port: 80 },
      async () => (request = await lab.curl('frontend', `http://${BACKEND2}/`)),
    );
    const last = passesOf(stories).find(
      (p) => p.node === 'worker2' && p.facts.nw_src === FRONTEND && p.outputs.length > 0,
    );
    const rewrites: Record<string, string> = Object.assign(
      {},
      ...(last?.passes.flatMap((t) => t.steps.map((s) => s.rewrites)) ?? []),
    );
    const arrived = last && Number(rewrites.nw_ttl ?? last.facts.nw_ttl);
    return result([
      [request.ok, request.ok ? 'the request was answered' : `the request failed: ${request.text}`],
      [
        arrived === 64,
        arrived === undefined
          ? 'no packet arrived at backend2'
          : `its first packet arrived at backend2 with TTL ${arrived}`,
      ],
    ]);
  },
};

const twoConntracks: Lesson = {
  id: 'two-conntracks',
  title: 'Two nodes, two conntracks',
  about:
    'A connection between pods on two nodes is remembered on both, each in its own zone 65520, each with its own mark. They share nothing.',
  task: 'Bring about a connection from frontend to backend2 that worker1 remembers and worker2 has forgotten.',
  hint: 'packetwalk lab exec frontend -- curl 10.222.2.34 makes one; packetwalk conntrack dump --node NODE --zone 65520 shows it; conntrack flush forgets.',
  check: async (lab) => {
    const ours = async (node: string): Promise<number> =>
      (await lab.connections(node)).filter(
        (e) =>
          e.zone === 65520 && e.original.src === FRONTEND && e.original.dst === BACKEND2 && e.original.dport === 80,
      ).length;
    const [first, second] = [await ours('worker1'), await ours('worker2')];
    return result([
      [first > 0, `worker1 remembers ${first} of frontend's connections to backend2`],
      [second === 0, `worker2 remembers ${second}`],
    ]);
  },
};

const nodePort: Lesson = {
  id: 'node-port',
  title: 'NodePort on the wrong node: why SNAT?',
  about:
    'Who asks a node port is seen by the pod as the node: the source is translated, so that the answer comes back through the node that translated the destination. On the node where the pod lives that would not be needed.',
  task: "Let frontend see the client's own address (172.16.100.2) when it is asked through worker1:32422, and keep worker2:32422 working.",
  hint: 'In worker1: iptables -t nat -S KUBE-NODEPORTS (packetwalk lab exec worker1 -- ...). One of its rules for default/frontend: marks, the other chooses. packetwalk whatif shows what becomes of worker2 without it.',
  check: async (lab) => {
    const ask = (node: string): Promise<{ ok: boolean; text: string }> =>
      lab.curl('client', `http://${lab.node(node).ip}:32422/`);
    const [here, there] = [await ask('worker1'), await ask('worker2')];
    return result([
      [here.ok && here.text.includes(`asked by ${CLIENT} `), `through worker1: ${here.text}`],
      [there.ok && there.text.includes('asked by 10.222.2.1 '), `through worker2: ${there.text}`],
    ]);
  },
};

const afterDnat: Lesson = {
  id: 'after-dnat',
  title: 'Policies are asked only after the translation',
  about:
    'The first pass of a packet to a Service goes past both policy tables: at that point only the Service is known, not the pod.',
  task: 'With one flow on worker1, keep frontend from backend2, directly and through backendsvc, and leave backend1 as it is.',
  hint: 'Which table sees the address of the pod? A flow there with more priority than the clauses (200) and less than established connections (210).',
  check: async (lab) => {
    let direct = { ok: true, text: '' };
    const stories = await lab.watched(
      { pods: ['backend2'], nodes: ['worker1'], port: 80 },
      async () => (direct = await lab.curl('frontend', `http://${BACKEND2}/`)),
    );
    const table = dropTable(passesOf(stories));
    const all = await lab.ask(
      'frontend',
      SERVICE,
      TRIES,
      (seen) =>
        seen.some((r) => r.text.startsWith('backend2')) ||
        (seen.filter((r) => r.ok).length >= 2 && seen.some((r) => !r.ok)),
    );
    return result([
      [
        !direct.ok && (table === 50 || table === 60),
        direct.ok ? 'backend2 answers frontend directly' : `a direct packet is dropped in table ${table ?? '?'}`,
      ],
      [
        !all.some((r) => r.text.startsWith('backend2')),
        all.some((r) => r.text.startsWith('backend2'))
          ? 'backend2 answers through the Service'
          : 'backend2 never answers through the Service',
      ],
      [
        all.some((r) => r.text.startsWith('backend1')),
        all.some((r) => r.text.startsWith('backend1'))
          ? 'backend1 answers through the Service'
          : 'backend1 does not answer',
      ],
    ]);
  },
};

const defaultDeny: Lesson = {
  id: 'default-deny',
  title: 'Default deny without a drop rule in the policy',
  about:
    'A NetworkPolicy only allows. That everything else is dropped is a flow of its own, in the table behind: as soon as any policy selects a pod, it is closed.',
  task: 'Close octant (10.222.1.3) for ingress as an empty policy would: no pod may reach it, its own node still can.',
  hint: 'Table 100 of worker1 has such a flow for frontend and backend1; packetwalk trace coredns1 backend1:80 --why-not shows it. The pods are told apart by reg1, the number of their port.',
  check: async (lab) => {
    let request = { ok: true, text: '' };
    const stories = await lab.watched(
      { pods: ['octant'], port: 80 },
      async () => (request = await lab.curl('coredns1', `http://${OCTANT}/`)),
    );
    const table = dropTable(passesOf(stories));
    const node = await lab.curl('worker1', `http://${OCTANT}/`);
    return result([
      [
        !request.ok && table === 100,
        request.ok ? 'coredns1 is answered by octant' : `coredns1's packet is dropped in table ${table ?? '?'}`,
      ],
      [node.ok, node.ok ? 'its node is answered' : `its node is not answered: ${node.text}`],
    ]);
  },
};

const thirdPacket: Lesson = {
  id: 'third-packet',
  title: 'The third packet takes another path than the first',
  about:
    'Egress policy is asked for the first packet; those behind it pass because their connection is established. That is fast, and it is why a policy that is taken away does not cut what is open.',
  task: "On worker1, let egress policy be asked for every packet of frontend's requests to backend2, and let them still be answered.",
  hint: 'packetwalk trace frontend backend2:80 --explain: compare table 50 of the SYN and of the third packet. One flow makes the difference.',
  check: async (lab) => {
    let request = { ok: false, text: '' };
    const stories = await lab.watched(
      { pods: ['backend2'], nodes: ['worker1'], port: 80 },
      async () => (request = await lab.curl('frontend', `http://${BACKEND2}/`)),
    );
    const sent = passesOf(stories).filter((p) => p.in.startsWith('frontend'));
    const third = sent
      .find((p) => String(p.facts.tcp_flags) === 'ack')
      ?.passes.flatMap((t) => t.steps)
      .find((s) => s.table === 50);
    return result([
      [request.ok, request.ok ? 'the request was answered' : `the request failed: ${request.text}`],
      [
        third?.conjunction !== undefined,
        third
          ? `the third packet matched in table 50: ${third.priority} ${third.match || '*'}`
          : 'the third packet did not reach table 50',
      ],
    ]);
  },
};

const spoofing: Lesson = {
  id: 'spoofing',
  title: 'Spoofing',
  about: 'A pod may only send with its own MAC and address; the switch knows both, by port.',
  task: 'Allow backend1 to send from 10.222.1.99 too, with its own MAC, and from no other address.',
  hint: 'Table 10 of worker1 (packetwalk flows dump --node worker1 table=10). A flow there needs port, MAC and address.',
  check: async (lab) => {
    const passed = await canSendFrom(lab, '10.222.1.99');
    const other = await canSendFrom(lab, '10.222.1.98');
    return result([
      [passed === true, `from 10.222.1.99: ${told(passed)}`],
      [other === false, `from 10.222.1.98: ${told(other)}`],
    ]);
  },
};

const told = (passed: boolean | undefined): string =>
  passed === undefined ? 'no packet was seen' : passed ? 'it passes table 10' : 'dropped in table 10';

/** Whether backend1's packet with this source passes table 10; it is given the address for that long. */
async function canSendFrom(lab: LessonLab, ip: string): Promise<boolean | undefined> {
  const { exec } = await import('../exec.js');
  const { name } = lab.lab;
  await exec(name, 'backend1', ['ip', 'address', 'add', `${ip}/32`, 'dev', 'eth0']);
  try {
    // With its own address first, so that the gateway's MAC is known.
    await lab.curl('backend1', 'http://10.222.1.1:9/');
    const stories = await lab.watched(
      { nodes: ['worker1'], match: `in_port="${lab.lab.pods.find((p) => p.ip === BACKEND1)!.port}",ip,nw_src=${ip}` },
      () => lab.curl('backend1', 'http://10.222.1.1:9/', ['--interface', ip]),
    );
    const [pass] = passesOf(stories);
    return pass && !(tablesOf(pass).at(-1) === 10);
  } finally {
    await exec(name, 'backend1', ['ip', 'address', 'del', `${ip}/32`, 'dev', 'eth0']);
  }
}

export const LESSONS: readonly Lesson[] = [
  gatewayFirst,
  ttl,
  twoConntracks,
  nodePort,
  afterDnat,
  defaultDeny,
  thirdPacket,
  spoofing,
  mistakes,
];
