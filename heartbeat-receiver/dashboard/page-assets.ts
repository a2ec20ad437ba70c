/**
 * Everything the dashboard's page loads, in memory: its own modules as far as `page/main` imports them, the libraries they name, styles.
 * The repository holds TypeScript, whose types are stripped here; the package holds what the compiler made of it. Nothing comes from
 * elsewhere, and nothing that is not imported is served.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import * as nodeModule from 'node:module'
import { posix } from 'node:path'

export interface Asset {
  readonly type: string
  readonly body: Buffer
}

export interface Page {
  readonly html: string
  /** `Content-Security-Policy` of the page: its one inline script is the import map, named by its hash. */
  readonly policy: string
  /** In the path of each asset, so that an asset never changes under its address. */
  readonly version: string
  /** By path below `/assets/VERSION/`. */
  readonly assets: ReadonlyMap<string, Asset>
}

/** What the page's modules may name, and the file of it that is made for browsers. */
const libraries: Readonly<Record<string, string>> = {
  preact: 'preact',
  'preact/hooks': 'preact/hooks',
  htm: 'htm',
  'htm/preact': 'htm/preact',
  uplot: 'uplot/dist/uPlot.esm.js',
}
const libraryStyles = ['uplot/dist/uPlot.min.css']
const styles = ['base.css', 'topology.css', 'reigns.css', 'plots.css', 'crashes.css', 'dialogs.css']
const entry = 'page/main'

const scriptType = 'text/javascript; charset=utf-8'
const styleType = 'text/css; charset=utf-8'
/** Versions need no more to differ. */
const versionLength = 16

export async function loadPage(): Promise<Page> {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  const assets = new Map<string, Asset>()
  await addModule(assets, `${entry}${extension}`)
  const modules = [...assets.keys()]
  await Promise.all(Object.entries(libraries).map(([name, file]) => addLibrary(assets, name, file)))
  const sheets = await Promise.all([
    ...libraryStyles.map(async (file) => addStyle(assets, styleOf(file), new URL(import.meta.resolve(file)))),
    ...styles.map(async (file) => addStyle(assets, `page/${file}`, new URL(`./page/${file}`, import.meta.url))),
  ])
  const template = await readFile(new URL('./page/index.html', import.meta.url), 'utf8')
  const version = versionOf(template, assets)
  const base = `/assets/${version}`
  const importMap = JSON.stringify({
    imports: Object.fromEntries(Object.keys(libraries).map((name) => [name, `${base}/${moduleOf(name)}`])),
  })
  const head = [
    ...sheets.map((path) => `<link rel="stylesheet" href="${base}/${path}">`),
    `<script type="importmap">${importMap}</script>`,
    ...modules.map((path) => `<link rel="modulepreload" href="${base}/${path}">`),
    `<script type="module" src="${base}/${entry}${extension}"></script>`,
  ]
  const html = template.replace('<!-- assets -->', () => head.join('\n    '))
  return { html, policy: policyOf(importMap), version, assets }
}

/** A module and all that it imports, by their paths below this folder. */
async function addModule(assets: Map<string, Asset>, path: string): Promise<void> {
  if (assets.has(path)) return
  const source = await readFile(new URL(`./${path}`, import.meta.url), 'utf8')
  const script = path.endsWith('.ts') ? nodeModule.stripTypeScriptTypes(source) : source
  assets.set(path, { type: scriptType, body: Buffer.from(script) })
  for (const name of importedBy(script)) {
    if (name.startsWith('.')) await addModule(assets, posix.join(posix.dirname(path), name))
    else if (!Object.hasOwn(libraries, name)) throw new Error(`${path} imports ${name}, which the page does not have`)
  }
}

/** What the imports and exports at the beginning of lines name. */
function importedBy(script: string): string[] {
  const named = /^\s*(?:import\s+|(?:import|export|\})[^'"\n]*?\bfrom\s*)['"]([^'"\n]+)['"]/gm
  return [...script.matchAll(named)].map(([, name]) => name!)
}

async function addLibrary(assets: Map<string, Asset>, name: string, file: string): Promise<void> {
  assets.set(moduleOf(name), { type: scriptType, body: await readFile(new URL(import.meta.resolve(file))) })
}

async function addStyle(assets: Map<string, Asset>, path: string, from: URL): Promise<string> {
  assets.set(path, { type: styleType, body: await readFile(from) })
  return path
}

function moduleOf(library: string): string {
  return `library/${library.replace('/', '-')}.js`
}

function styleOf(file: string): string {
  return `library/${posix.basename(file)}`
}

function versionOf(template: string, assets: ReadonlyMap<string, Asset>): string {
  const hash = createHash('sha256').update(template)
  for (const path of [...assets.keys()].sort()) hash.update(path).update(assets.get(path)!.body)
  return hash.digest('hex').slice(0, versionLength)
}

function policyOf(importMap: string): string {
  const hash = createHash('sha256').update(importMap).digest('base64')
  return [
    ...["default-src 'none'", `script-src 'self' 'sha256-${hash}'`, "style-src 'self'", "connect-src 'self'"],
    ...["img-src 'self' data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ].join('; ')
}
