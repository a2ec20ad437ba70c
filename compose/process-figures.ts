/** What the system says of a process: processor time, memory, open files. From `/proc`, so of Linux only; undefined elsewhere, and for one that is gone. */
import { readdir, readFile, readlink } from 'node:fs/promises'

/** Linux counts processor time in these, whatever the kernel's own clock (proc(5), `USER_HZ`). */
export const tickMs = 10
const kibibyte = 1024

/** Processor time, user and system, since its start, milliseconds; to 10 ms each. */
export async function processorTimeMs(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : parseStat(text).ticks * tickMs
}

/** The fields of proc(5) that matter here. A program's name stands in brackets, and may hold anything. */
export function parseStat(text: string): { pid: number; parent: number; ticks: number } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { pid: Number.parseInt(text, 10), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }
}

/** Memory that is in RAM, bytes. */
export async function residentBytes(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => undefined)
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(text ?? '')?.[1]
  return kibibytes === undefined ? undefined : Number(kibibytes) * kibibyte
}

/** File descriptors, and how many of them are sockets. */
export async function openFiles(pid: number): Promise<{ files: number; sockets: number } | undefined> {
  const directory = `/proc/${pid}/fd`
  const names = await readdir(directory).catch(() => undefined)
  if (names === undefined) return undefined
  // One that was closed meanwhile has no target any more.
  const targets = await Promise.all(names.map((name) => readlink(`${directory}/${name}`).catch(() => '')))
  return { files: names.length, sockets: targets.filter((target) => target.startsWith('socket:')).length }
}
