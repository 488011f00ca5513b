// The nodes to choose from, for views that show one at a time. The choice is in the address.
import { topology } from '../state/store.js';
import { printRoute, route } from '../state/route.js';

/** The node that the address names, or the first that has pods. */
export function chosenNode(): string | undefined {
  const { value } = topology;
  const asked = value?.nodes.find((n) => n.name === route.value.of);
  return (asked ?? value?.nodes.find((n) => value.pods.some((p) => p.node === n.name)) ?? value?.nodes[0])?.name;
}

export function NodeTabs(): preact.JSX.Element {
  const chosen = chosenNode();
  return (
    <nav class="tabs" aria-label="Node">
      {topology.value?.nodes.map((n) => (
        <a
          key={n.name}
          href={printRoute({ view: route.value.view, of: n.name })}
          aria-current={n.name === chosen ? 'true' : undefined}
        >
          {n.name}
        </a>
      ))}
    </nav>
  );
}
