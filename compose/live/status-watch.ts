/** `heartline status --watch`: the board as it changes, drawn on a terminal, in lines elsewhere, in JSON if so wished. */
import { readable } from '../../heartbeat-receiver/readable-text.ts'
import { describeMoment } from '../duration-text.ts'
import { LineOutput } from '../journal/line-output.ts'
import type { StatusOptions } from '../status.ts'
import { boardAtFirst, boardNews } from './board-news.ts'
import { BoardView } from './board-view.ts'
import { type BoardNews, followBoard } from './follow-board.ts'
import { screen } from './screen.ts'
import { terminalPaint } from './terminal-paint.ts'

/** Resolves when the signal is aborted, or nobody reads the lines any more, with the exit code; rejects if a receiver will not show its board. */
export async function watchStatus(options: StatusOptions, signal: AbortSignal): Promise<number> {
  const { receivers, token, json } = options
  if (screen.live && !json) {
    const view = new BoardView({ source: { receivers, token }, screen, colours: terminalPaint(process.stdout) })
    signal.addEventListener('abort', () => view.stop({ keep: true }), { once: true })
    await view.start()
    return 0
  }
  const output = new LineOutput(process.stdout)
  const write = (line: string) => void output.write(line).catch(() => undefined) // why it failed is told by `flush`
  await followBoard({ receivers, token, signal: AbortSignal.any([signal, output.closed]) }, (news) => {
    if (json) for (const line of jsonLines(news)) write(line)
    else for (const line of plainLines(news)) write(`${describeMoment(Date.now())} ${readable(line)}`)
  })
  await output.flush()
  return 0
}

/** `{"board"}` at first and after each change of receiver, `{"changes"}` after it, `{"problem"}` while no receiver is heard. */
function jsonLines(news: BoardNews): string[] {
  switch (news.type) {
    case 'board':
      return [JSON.stringify({ receiver: news.receiver, board: news.board })]
    case 'changes':
      return [JSON.stringify({ changes: news.changes })]
    case 'lost':
      return [JSON.stringify({ problem: `${news.receiver} ${news.reason}` })]
    case 'waiting':
      return news.first ? [JSON.stringify({ problem: news.reason })] : []
    case 'beats':
      return []
  }
}

function plainLines(news: BoardNews): string[] {
  switch (news.type) {
    case 'board':
      return boardAtFirst(news.board)
    case 'changes':
      return boardNews(news.before, news.board)
    case 'lost':
      return [`${news.receiver} ${news.reason}; looking for a receiver`]
    case 'waiting':
      return news.first ? [news.reason] : []
    case 'beats':
      return []
  }
}
