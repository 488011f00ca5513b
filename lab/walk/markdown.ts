// A walk as a chapter: what the real packet did in this lab, table by table, in sentences, with flows, captures and
// translations, and where the article that the lab comes from errs. From run.ts's result; `packetwalk walk --markdown`.
import type { TracePass, TraceStep } from '../../dataplane/trace/types.js';
import { summarize } from '../../dataplane/wire/index.js';
import type { ExplainedStep, Explainer } from '../../explain/index.js';
import type { CheckedStage } from './check.js';
import type { Erratum } from './errata.js';
import { type ExpectedHost, type ExpectedPass, type ExpectedWire, isHost, isPass, type Walk } from './expected.js';
import { frameFacts } from './facts.js';
import type { ObservedPass } from './observed.js';
import type { WalkResult } from './run.js';
import { macLine, packetLine } from './story.js';

export interface ChapterOptions {
  explain: (node: string) => Explainer;
  errata: readonly Erratum[];
  /** Leave out what differs from run to run: chosen ports get the numbers that walks.yaml gives them, sequence numbers,
   *  windows, timers and the tunnel's source port are not told. */
  stable?: boolean;
}

export function chapter(result: WalkResult, options: ChapterOptions): string {
  const { walk, answer, stages } = result;
  const text = [
    `# Walk ${walk.id}: ${walk.title}`,
    walk.about,
    asked(walk, answer, options.stable === true),
    ...stages.map((checked) => tell(checked, options)),
    ...(result.passed ? [] : [`**This packet did not take the article's way:** ${result.error ?? 'see above.'}`]),
  ].join('\n\n');
  return `${options.stable ? stable(text, result) : text}\n`;
}

function asked({ start }: Walk, answer: WalkResult['answer'], isStable: boolean): string {
  const attempts =
    answer && answer.attempts > 1 && !isStable ? `\n# attempt ${answer.attempts}: the host chooses at random` : '';
  const command = 'request' in start ? `curl ${start.request}` : `ip neigh get ${start.neighbour} dev ${start.device}`;
  return `\`\`\`\n${start.at}$ ${command}\n${answer?.text.trim() ?? 'no answer'}${attempts}\n\`\`\``;
}

function tell(checked: CheckedStage, options: ChapterOptions): string {
  const { stage, differences } = checked;
  const body = isPass(stage)
    ? tellPass(stage, checked as Extract<CheckedStage, { stage: ExpectedPass }>, options)
    : isHost(stage)
      ? tellHost(stage, checked as Extract<CheckedStage, { stage: ExpectedHost }>)
      : tellWire(stage, checked as Extract<CheckedStage, { stage: ExpectedWire }>, options);
  return [...body, ...differences.map((d) => `**Differs:** ${d}`)].join('\n\n');
}

// --- through a switch ------------------------------------------------------------------------------------------------

function tellPass(
  stage: ExpectedPass,
  { observed, sent }: { observed?: ObservedPass; sent?: { frame: Uint8Array } },
  options: ChapterOptions,
): string[] {
  const out = [`## ${stage.pass}: ${stage.title} (${stage.node})`, stage.why];
  if (!observed) return out;
  const { facts } = observed;
  const tunnel =
    facts.tun_src === undefined ? '' : `, out of the tunnel from ${facts.tun_src} (tun_id ${facts.tun_id})`;
  out.push(`In at \`${observed.in}\`${tunnel}: ${packetLine(facts)}, ${macLine(facts)}.`);
  out.push(
    ['| table | flow | what happens |', '|---|---|---|', ...rows(observed.passes, options.explain(observed.node))].join(
      '\n',
    ),
  );
  for (const { name, tunnel: to } of observed.outputs)
    out.push(`Out of \`${name}\`${to ? ` to ${to.dst} (tun_id ${to.id})` : ''}${sent ? ', where tcpdump sees' : ''}`);
  if (observed.drop) out.push(`Dropped in table ${observed.drop.table}: ${observed.drop.reason}.`);
  if (sent) out.push(`\`\`\`\n${captured(sent.frame)}\n\`\`\``);
  const errata = options.errata.filter((e) => e.passes.includes(stage.pass));
  if (errata.length)
    out.push(['Where the article errs here:', '', ...errata.map((e) => erratumLine(e, stage.pass))].join('\n'));
  return out;
}

/** One row a table; what conntrack said between two passes is a row of its own. */
function rows(passes: readonly TracePass[], explainer: Explainer): string[] {
  return explainer
    .trace(passes)
    .flatMap(({ resumed, steps }, i) => [
      ...(resumed === undefined ? [] : [`| | | *${cell(resumed)}* |`]),
      ...steps.map(
        (step, k) => `| ${step.table} ${step.name} | ${flowCell(passes[i].steps[k])} | ${sentenceCell(step)} |`,
      ),
    ]);
}

function flowCell(step: TraceStep): string {
  if (step.priority === null) return 'none matches';
  const clauses = step.conjunction?.clauses.map((c) => code(c.match)).join(' and ');
  return `${step.priority} ${code(step.match || '*')}${clauses ? `<br>all of ${clauses}` : ''}<br>${code(step.actions)}`;
}

const sentenceCell = ({ sentence, bits }: ExplainedStep): string =>
  [cell(sentence), ...bits.map((b) => `*${cell(b.text)}*`)].join('<br>');
const cell = (text: string): string => text.replace(/[|*_]/g, (c) => `\\${c}`);
const code = (text: string): string => `\`${text.replace(/\|/g, '\\|')}\``;

/** Of an erratum that concerns many passes, the sections about this one: B4 is section 4, C9.w1 section 9. */
function erratumLine({ id, sections, says, is }: Erratum, pass: string): string {
  const chapterNumber = /\d+/.exec(pass)?.[0];
  const own = sections.filter((s) => s.split('.')[0] === chapterNumber);
  const told = own.length ? own : sections;
  return `- **${id}** (section${told.length === 1 ? '' : 's'} ${told.join(', ')}) says: ${says}. In fact: ${is}.`;
}

/** As tcpdump -e prints it; a device may fill in the checksum later. */
function captured(frame: Uint8Array): string {
  return summarize(frame).replace(/ \(bad (?:tcp|udp|icmp) checksum\)$/, '');
}

// --- between switches ------------------------------------------------------------------------------------------------

function tellHost(
  stage: ExpectedHost,
  { before, after, conntrack }: Extract<CheckedStage, { stage: ExpectedHost }>,
): string[] {
  const out = [`## The kernel of ${stage.host}`, stage.why];
  if (!before || !after) return out;
  const lines = [
    `- in at \`${stage.in}\`: ${packetLine(before)}, ${macLine(before)}`,
    ...(stage.chains ? [`- rules: ${stage.chains.map((c) => `\`${c}\``).join(' > ')}`] : []),
    ...(stage.dnat ? [`- destination translated: ${stage.dnat}`] : []),
    ...(stage.snat ? [`- source translated: ${stage.snat}`] : []),
    ...[stage.undo ?? []].flat().map((undo) => `- translation undone, by no rule: ${undo}`),
    ...(conntrack ? [`- its entry: \`${conntrack}\``] : []),
    `- route: ${stage.route}; TTL ${before.nw_ttl} > ${after.nw_ttl}`,
    `- out of \`${stage.out}\`: ${packetLine(after)}, ${macLine(after)}`,
  ];
  return [...out, lines.join('\n')];
}

function tellWire(
  { wire, overhead }: ExpectedWire,
  { frame }: Extract<CheckedStage, { stage: ExpectedWire }>,
  { stable: isStable }: ChapterOptions,
): string[] {
  const out = [`## On the wire: ${wire.from} to ${wire.to}`];
  if (!frame) return out;
  const f = frameFacts(frame.frame);
  const port = isStable ? '' : `:${f.udp_src}`;
  return [
    ...out,
    [
      `- outer headers: ${macLine(f)}, ${f.nw_src}${port} > ${f.nw_dst}:${f.udp_dst} UDP, ttl ${f.nw_ttl}; Geneve without options`,
      `- ${frame.frame.length} bytes: ${frame.frame.length - overhead} of the inner frame and ${overhead} of headers (Ethernet 14, IPv4 20, UDP 8, Geneve 8)`,
      '- the source port is a hash of the inner headers, so that connections spread over paths',
    ].join('\n'),
  ];
}

// --- the same text from every run
// --------------------------------------------------------------------------------------

function stable(text: string, { walk, bindings }: WalkResult): string {
  const named = Object.entries(walk.ports).reduce((all, [name, number]) => {
    const real = bindings.resolve(name);
    const filled = all.replace(new RegExp(`(?<=:)${name}\\b`, 'g'), String(number));
    return real === undefined ? filled : filled.replace(new RegExp(`\\b${real}\\b`, 'g'), String(number));
  }, text);
  return named
    .replace(/, (?:seq|ack) \d+(?::\d+)?/g, '')
    .replace(/, win \d+(?:, options \[[^\]]*\])?/g, '')
    .replace(
      /`tcp\s+6 \d+ \w+ ((?:\[UNREPLIED\] )?(?:(?:src|dst|sport|dport)=\S+ ?)+)[^`]*`/g,
      (_, tuples: string) => `\`tcp ${tuples.trim()}\``,
    )
    .replace(/`tcp [^`]*`/g, (line) => line.replace(/ \[\w+\].*`$/, '`'));
}
