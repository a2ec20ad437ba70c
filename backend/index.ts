/** The backend library: a service whose state survives its server. Public exports only. */

export {
  CheckpointError,
  type CheckpointMap,
  problem,
  type RouteHandler,
  type RouteRequest,
  type RouteResponse,
  type Router,
  type RouterTable,
  router,
} from '../checkpoint/index.ts'
export { type Backend, type BackendDependencies, createBackend } from './backend.ts'
export type { ServiceCheckpoint } from './backend-node.ts'
export { type BackendOptions, type BackendSettings, backendOptions } from './config.ts'
export { BackendError, type BackendErrorCode } from './errors.ts'
export type { Rehearsal } from './warm-up.ts'
