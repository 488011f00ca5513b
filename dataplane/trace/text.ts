// A trace as ofproto/trace prints it. From: simulate.ts. To: the terminal, and ovs-appctl through the control socket.
import type { Trace, TraceNode, TracePass } from './types.js';

const RULE = '='.repeat(79);
/** Lines that are never the end of the indentation: whatever follows them stands under them. */
const INNER: ReadonlySet<TraceNode['type']> = new Set(['action', 'bucket', 'detail', 'warn', 'error']);

export function formatTrace(trace: Trace): string {
  return trace.passes.map(formatPass).join('\n');
}

function formatPass(pass: TracePass): string {
  const lines: string[] = [];
  if (pass.resumed) lines.push(...resumption(pass.recircId, pass.resumed), '');
  lines.push(`Flow: ${pass.flow}`);
  pushNodes(lines, pass.tree, 0);
  lines.push(
    '',
    `Final flow: ${pass.finalFlow}`,
    `Megaflow: ${pass.megaflow}`,
    `Datapath actions: ${pass.datapathActions}`,
  );
  if (pass.error) lines.push(`Translation failed (${pass.error}), packet is dropped.`);
  return lines.map((line) => `${line}\n`).join('');
}

function resumption(recircId: number, { ctState, byDefault, nat }: NonNullable<TracePass['resumed']>): string[] {
  const state = byDefault ? `default ct_state=${ctState} (use --ct-next to customize)` : `ct_state=${ctState}`;
  const translated = nat
    ? ['Replacing src/dst IP/ports to simulate NAT:', ` Initial flow: ${nat.before}`, ` Modified flow: ${nat.after}`]
    : [];
  return [RULE, `recirc(0x${recircId.toString(16)}) - resume conntrack with ${state}`, ...translated, RULE];
}

/** What comes last in its list takes its list's place, so that a long chain of tables does not march to the right. */
function pushNodes(lines: string[], nodes: readonly TraceNode[], level: number): void {
  nodes.forEach((node, i) => {
    const more = i < nodes.length - 1 || INNER.has(node.type) ? 1 : 0;
    const indent = ' '.repeat((level + more) * 4);
    switch (node.type) {
      case 'bridge':
        lines.push('', `${indent}${node.text}`, `${indent}${'-'.repeat(node.text.length)}`);
        break;
      case 'detail':
        lines.push(`${indent} -> ${node.text}`);
        break;
      case 'warn':
        lines.push(`${indent} >> ${node.text}`);
        break;
      case 'error':
        lines.push(`${indent} >>>> ${node.text} <<<<`);
        break;
      default:
        lines.push(`${indent}${node.text}`);
    }
    pushNodes(lines, node.nodes, level + 2 * more);
  });
}
