/** The last crashes, as the board shows them. Pure; kept also while nobody watches. */
import { type CrashCircumstances, type CrashWords, wordCrash } from '../crash-wording.ts'
import type { Crash } from '../events.ts'
import { readable } from '../readable-text.ts'
import type { BoardCrash } from './board.ts'
import { crashesMax } from './fold.ts'

export class CrashHistory {
  #all: readonly BoardCrash[] = []
  #lastId = 0

  /** Oldest first. A new array if anything changed. */
  get all(): readonly BoardCrash[] {
    return this.#all
  }

  /** A backend is lost. Returns what a person is told of it. */
  crashed(crash: Crash, around: Omit<CrashCircumstances, 'crashesAtMs'>): CrashWords {
    const { name, incarnation, reason, proven, lastLines } = crash
    const atMs = around.nowMs
    const before = this.#all.filter((other) => other.name === name).map((other) => other.atMs)
    const words = wordCrash(crash, { ...around, crashesAtMs: [...before, atMs] })
    const { done, advice } = words
    const lines = lastLines.map(readable)
    const told = { id: ++this.#lastId, atMs, name, incarnation, reason, proven, lastLines: lines, done, advice }
    this.#all = [...this.#all, told].slice(-crashesMax)
    return words
  }
}
