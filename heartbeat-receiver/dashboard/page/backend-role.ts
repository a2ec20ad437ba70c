/** What a backend is right now, as a sign, a word and a tone: never by colour alone. */
import type { BoardBackend } from '../board.ts'

export interface BackendRole {
  readonly tone: 'active' | 'standby' | 'busy' | 'suspect' | 'gone'
  readonly sign: string
  readonly word: string
}

/** The first that applies: gone, suspected, active, taking over, draining, what its phase says. */
export function roleOf(backend: BoardBackend): BackendRole {
  if (!backend.alive) return { tone: 'gone', sign: '✕', word: 'gone' }
  if (backend.silence >= 1) return { tone: 'suspect', sign: '!', word: 'suspected' }
  if (backend.phase === 'claiming' || backend.phase === 'settling')
    return { tone: 'busy', sign: '◐', word: backend.phase === 'claiming' ? 'taking over' : 'settling' }
  if (backend.active) return { tone: 'active', sign: '★', word: backend.draining ? 'active, draining' : 'active' }
  if (backend.draining) return { tone: 'busy', sign: '‖', word: 'draining' }
  if (backend.phase === 'starting') return { tone: 'busy', sign: '◐', word: startingText(backend) }
  if (backend.phase === 'stopping') return { tone: 'busy', sign: '◐', word: 'stopping' }
  return { tone: 'standby', sign: '●', word: 'standby' }
}

function startingText({ progress }: BoardBackend): string {
  return progress === null ? 'starting' : `starting, ${Math.floor(progress.ratio * 100)} %`
}
