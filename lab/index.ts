// The lab's public face: what the command line, the walks and tests call.
export { apply, type Applied, remove } from './apply.js';
export { FOLLOWED, followStore } from './follow.js';
export { down } from './down.js';
export { rowsOf } from './get.js';
export { exec, execArgv, type ExecResult, getLab, getState, netnsOf } from './exec.js';
export { articleTopology, labNameOf, type LoadedTopology, loadTopology } from './load.js';
export { missingRequirements, requireLab } from './requirements.js';
export { type Lab, type LabNode, type LabPod, namespacesOf, type PortKind, resolveLab } from './resolve.js';
export { SYSTEM_PATH } from './run.js';
export { labNames } from './state.js';
export { type LabStatus, status } from './status.js';
export { controlSocket } from './switch-config.js';
export { up, type UpOptions } from './up.js';
