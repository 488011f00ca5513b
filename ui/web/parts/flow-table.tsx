// Flows as a table: where, priority, match, actions, counters. Used by the pipeline and the flow search.
import type { FlowRow } from '../../schema/lab.js';
import { FlowText } from './flow-text.js';
import { count } from './numbers.js';

interface Props {
  rows: readonly { node?: string; tableName?: string; flow: FlowRow; perSecond?: number }[];
}

export function FlowTable({ rows }: Props): preact.JSX.Element {
  const placed = rows.some((r) => r.node !== undefined);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Flows">
      <table class="grid flows">
        <thead>
          <tr>
            {placed && (
              <>
                <th scope="col">node</th>
                <th scope="col">table</th>
              </>
            )}
            <th scope="col" class="num">
              priority
            </th>
            <th scope="col">match</th>
            <th scope="col">actions</th>
            <th scope="col" class="num">
              packets
            </th>
            <th scope="col" class="num">
              idle
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ node, tableName, flow, perSecond }) => (
            <tr
              key={`${node} ${flow.table} ${flow.priority} ${flow.match} ${flow.actions}`}
              class={`${flow.packets ? '' : 'never'} ${perSecond ? 'live' : ''} ${flow.actions === 'drop' ? 'drops' : ''}`}
            >
              {placed && (
                <>
                  <td>{node}</td>
                  <td class="nowrap">
                    <b>{flow.table}</b> {tableName}
                  </td>
                </>
              )}
              <td class="num mono">{flow.priority}</td>
              <td>{flow.match ? <FlowText text={flow.match} /> : <em>any</em>}</td>
              <td>
                <FlowText text={flow.actions} />
              </td>
              <td class="num mono">
                {count(flow.packets)}
                {perSecond ? <span class="rate"> +{perSecond}/s</span> : ''}
              </td>
              <td class="num mono dim">{flow.packets ? `${flow.idle} s` : '-'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
