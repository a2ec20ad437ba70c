/** Links of a document to others of the repository, what can be linked to in it, and which links lead nowhere. Pure. */
import { posix } from 'node:path'
import type { DocumentFile } from './all-documents.ts'

export interface DocumentLink {
  readonly line: number
  /** Relative to the document, perhaps with `#anchor`. */
  readonly target: string
}

const linkPattern = /\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)|(?:src|href)="([^"]+)"/g

/** Links and pictures with a relative target; what is on the web is not looked at. */
export function linksOf(markdown: string): DocumentLink[] {
  const links: DocumentLink[] = []
  for (const { line, text } of outsideFences(markdown)) {
    const bare = text.replaceAll(/`[^`]*`/g, '``')
    for (const [, inText, inTag] of bare.matchAll(linkPattern)) {
      const target = inText ?? inTag!
      if (!/^[a-z]+:/.test(target)) links.push({ line, target })
    }
  }
  return links
}

/** Links of the documents to files that are not there, and to headings that a document has not, one line each. */
export function brokenLinks(documents: readonly DocumentFile[], isThere: (path: string) => boolean): string[] {
  const texts = new Map(documents.map(({ path, markdown }) => [path, markdown]))
  return documents.flatMap(({ path, markdown }) =>
    linksOf(markdown).flatMap(({ line, target }) => {
      const [file = '', anchor] = target.split('#')
      const place = file === '' ? path : posix.normalize(posix.join(posix.dirname(path), file))
      const where = `${path}:${line}: ${target}`
      if (!isThere(place)) return [`${where}: there is no ${place}`]
      const text = texts.get(place)
      const found = anchor === undefined || text === undefined || anchorsOf(text).has(anchor)
      return found ? [] : [`${where}: ${place} has no such heading`]
    }),
  )
}

/** The anchors that GitHub gives to the headings, and those that stand in the text. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>()
  for (const { text } of outsideFences(markdown)) {
    const heading = /^#+ (.+?)\s*#*$/.exec(text)?.[1]
    if (heading !== undefined) {
      const slug = slugOf(heading)
      let name = slug
      for (let again = 1; anchors.has(name); again++) name = `${slug}-${again}`
      anchors.add(name)
    }
    for (const [, id] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id!)
  }
  return anchors
}

/** As GitHub makes them: lower case, without punctuation, with `-` for each space. */
function slugOf(heading: string): string {
  const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll(/[`*]/g, '')
  return plain
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-')
}

function outsideFences(markdown: string): { line: number; text: string }[] {
  let fence = ''
  return markdown.split('\n').flatMap((text, index) => {
    const mark = /^\s*(`{3,}|~{3,})/.exec(text)?.[1]
    if (fence !== '') {
      if (mark?.startsWith(fence)) fence = ''
      return []
    }
    if (mark !== undefined) {
      fence = mark
      return []
    }
    return [{ line: index + 1, text }]
  })
}
