// Kubernetes objects in, one node's knowledge out. What other rooms may use of it.
export * from './node-state.js';
export { Claims, type ClaimsState } from './cluster/claims.js';
export { nodeState } from './cluster/node.js';
export { ANNOTATION } from './cluster/pods.js';
export { DEFAULT_CONFIG, resolveCluster } from './cluster/resolve.js';
export type { Cluster, ClusterConfig, ClusterNode, ClusterPod, HeadlessService } from './cluster/types.js';
export { ApiStore } from './api-store.js';
export { Follower } from './follower.js';
export { MemoryStore } from './memory-store.js';
export { kindNameOf, ObjectSet, printRef, refOf } from './objects.js';
export { Peers } from './policy/peers.js';
export { parseManifest, readManifests } from './read.js';
export { kindByWord, KINDS, type Kind, type KindInfo, type KubeObject, type ObjectOf } from './schema/index.js';
export { GoneError, nameOf, NotServedError, type ObjectList, type ObjectStore, type WatchEvent } from './store.js';
