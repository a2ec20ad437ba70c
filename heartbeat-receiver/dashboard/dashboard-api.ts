/** The endpoints behind the dashboard. */
import { Router } from 'express'
import { sendProblem } from '../problem.ts'
import type { Board } from './board.ts'
import type { BoardStream } from './board-stream.ts'

export interface DashboardApiOptions {
  readonly board: () => Board
  readonly stream: BoardStream
}

/** To be mounted where only those come that know the token. */
export function createDashboardApi({ board, stream }: DashboardApiOptions): Router {
  const router = Router()
  router.get('/api/board', (_request, response) => {
    response.setHeader('cache-control', 'no-store')
    response.json(board())
  })
  router.get('/api/board/events', (_request, response) => {
    if (!stream.serve(response)) sendProblem(response, 503, 'too many clients watch the board')
  })
  return router
}
