/** Links of a document to others of the repository, and what can be linked to in it. Pure. */

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
