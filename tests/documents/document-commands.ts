/** The commands that a document tells its readers to type. Pure. */

/** A command as a reader would type it. */
export interface DocumentCommand {
  /** Path of the document, from the root. */
  readonly path: string
  /** Of its first line, from 1. */
  readonly line: number
  /** Without comments, and in one line where `\` joins several. */
  readonly text: string
}

/** What a document says: commands to type, code in its sentences, and what is marked in a way that nobody knows. */
export interface DocumentText {
  readonly commands: readonly DocumentCommand[]
  /** Code between backticks outside of fences. */
  readonly inline: readonly DocumentCommand[]
  readonly problems: readonly string[]
}

const fencePattern = /^\s*(`{3,}|~{3,})\s*([\w-]*)/
/** Fences that hold commands under another name, which nothing would then run. */
const misnamed = new Set(['bash', 'shell', 'console', 'zsh', 'shell-session'])

interface Block {
  readonly startLine: number
  readonly lines: string[]
}

/**
 * Reads one document. Every line of a `sh` fence is a command, and so is every line that is indented by four spaces; other fences hold
 * something else (output, configuration, code).
 */
export function readDocument(path: string, markdown: string): DocumentText {
  const problems: string[] = []
  const blocks: Block[] = []
  const inline: DocumentCommand[] = []
  let fence: { mark: string; block: Block | undefined } | undefined
  let indented: Block | undefined
  let before = ''
  let inList = false
  for (const [index, line] of markdown.split('\n').entries()) {
    const found = fencePattern.exec(line)
    if (fence) {
      if (found?.[1]?.startsWith(fence.mark) && found[2] === '') fence = undefined
      else fence.block?.lines.push(line)
      before = ''
      continue
    }
    if (found) {
      const language = found[2]!
      if (misnamed.has(language)) problems.push(`${path}:${index + 1}: commands stand in \`\`\`sh, not ${language}`)
      const block = language === 'sh' ? { startLine: index + 1, lines: [] } : undefined
      if (block) blocks.push(block)
      fence = { mark: found[1]!, block }
      indented = undefined
      continue
    }
    inList = /^\s*([-*]|\d+\.) /.test(line) || (inList && (line.trim() === '' || line.startsWith(' ')))
    if (/^ {4}\S/.test(line) && !inList && (indented || before === '' || before.startsWith('#'))) {
      indented ??= newBlock(blocks, index)
      indented.lines.push(line)
    } else {
      indented = undefined
      for (const [, code] of line.matchAll(/`([^`]+)`/g)) inline.push({ path, line: index + 1, text: code!.trim() })
    }
    before = line.trim()
  }
  if (fence) problems.push(`${path}: a fence is left open`)
  return { commands: blocks.flatMap((block) => commandsOf(path, block)), inline, problems }
}

function newBlock(blocks: Block[], startLine: number): Block {
  const block = { startLine, lines: [] }
  blocks.push(block)
  return block
}

/** Lines joined where a shell would read on: a `\` at the end, an open quote, a here-document. */
function commandsOf(path: string, { startLine, lines }: Block): DocumentCommand[] {
  const commands: DocumentCommand[] = []
  for (let index = 0; index < lines.length; index++) {
    const first = index
    let text = withoutComment(lines[index]!.trim())
    while (/\\$/.test(text) && index + 1 < lines.length)
      text = `${text.slice(0, -1).trimEnd()} ${withoutComment(lines[++index]!.trim())}`
    while (hasOpenQuote(text) && index + 1 < lines.length) text += `\n${lines[++index]}`
    const [, end] = /<<-?\s*'?(\w+)'?/.exec(text) ?? []
    if (end !== undefined)
      do text += `\n${lines[++index] ?? end}`
      while (lines[index] !== undefined && lines[index]!.trim() !== end)
    if (text !== '') commands.push({ path, line: startLine + first + 1, text })
  }
  return commands
}

function withoutComment(line: string): string {
  let quote = ''
  for (const [index, character] of [...line].entries()) {
    if (quote !== '') quote = character === quote ? '' : quote
    else if (character === "'" || character === '"') quote = character
    else if (character === '#' && (index === 0 || /\s/.test(line[index - 1]!))) return line.slice(0, index).trim()
  }
  return line
}

function hasOpenQuote(text: string): boolean {
  let quote = ''
  for (const character of text)
    if (quote !== '') quote = character === quote ? '' : quote
    else if (character === "'" || character === '"') quote = character
  return quote !== ''
}
