/** What a report page carries with it: uPlot as its package ships it, and our own script and style. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { PageAssets } from './html-report.ts'

export async function pageAssets(): Promise<PageAssets> {
  const uplot = dirname(createRequire(import.meta.url).resolve('uplot/package.json'))
  const [uplotScript, uplotStyle, script, style] = await Promise.all([
    readFile(join(uplot, 'dist/uPlot.iife.min.js'), 'utf8'),
    readFile(join(uplot, 'dist/uPlot.min.css'), 'utf8'),
    readFile(new URL('./page.js', import.meta.url), 'utf8'),
    readFile(new URL('./page.css', import.meta.url), 'utf8'),
  ])
  return { uplotScript, uplotStyle, script, style }
}
